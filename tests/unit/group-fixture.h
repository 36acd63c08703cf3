/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* Viewers by their pacers: what they are sent is decoded and compared. */

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "host/connection.h"
#include "host/encode/group-inside.h"
#include "host/encode/group.h"
#include "host/encode/pacer.h"
#include "unit/hold.h"
#include "unit/inflater.h"
#include "unit/random.h"
#include "unit/test.h"
#include "wire/picture.h"

#define WIDTH 900
#define HEIGHT 300
#define COLOUR 0x00ffffffU
#define N_WATCHERS 5
#define SPOILT 0x1234567U /* no pixel of a scene */

struct watcher {
	struct pacer pacer;
	struct inflater inflater;
	struct picture picture;
	uint32_t seq;
	bool more;
	bool woken;
	bool must_resize; /* a SCREEN comes before the next piece */
	unsigned n_pictures;
	const uint8_t *body; /* of the last piece */
	size_t n_body;
};

struct fixture {
	sd_event *event;
	struct scene scene;
	struct groups groups;
	struct video *video; /* NULL in most tests */
	struct random random;
	struct watcher watchers[N_WATCHERS];
	unsigned n_watchers;
	struct hold hold; /* of the threads that compress */
};

static inline int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	assert_int_equal(sd_event_new(&f->event), 0);
	scene_init(&f->scene);
	assert_int_equal(scene_resize(&f->scene, WIDTH, HEIGHT), 0);
	groups_init(&f->groups, f->event, &f->scene, NULL, &encode_tiles);
	f->random.state = 31;
	*state = f;
	return 0;
}

static inline void handle_due(void *data)
{
	((struct watcher *)data)->woken = true;
}

static inline void watch(struct fixture *f, struct watcher *w, unsigned decodes)
{
	*w = (struct watcher){ .woken = true };
	inflater_init(&w->inflater);
	assert_int_equal(pacer_init(&w->pacer, &f->groups, decodes, handle_due, w), 0);
	assert_int_equal(picture_resize(&w->picture, f->scene.width, f->scene.height), 0);
	/* So fast a link that no frame is cut for it. */
	w->pacer.meter.known = true;
	w->pacer.meter.rate = 1000 * 1000 * 1000;
}

static inline void unwatch(struct watcher *w)
{
	pacer_finish(&w->pacer);
	inflater_finish(&w->inflater);
	picture_finish(&w->picture);
}

static inline void watch_all(struct fixture *f, unsigned n)
{
	for (; f->n_watchers < n; f->n_watchers++)
		watch(f, &f->watchers[f->n_watchers], 0);
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < f->n_watchers; i++)
		unwatch(&f->watchers[i]);
	hold_end(&f->hold, f->event);
	assert_true(list_empty(&f->groups.list));
	groups_finish(&f->groups);
	video_destroy(f->video);
	scene_finish(&f->scene);
	sd_event_unref(f->event);
	free(f);
	return 0;
}

static inline void take_screen(struct fixture *f, struct watcher *w)
{
	if (!w->must_resize)
		return;
	w->must_resize = false;
	assert_int_equal(picture_resize(&w->picture, f->scene.width, f->scene.height), 0);
}

/* What a coded picture does to it, at worst. */
static inline void spoil(struct watcher *w, const struct rect *at)
{
	w->n_pictures++;
	for (int y = at->top; y < at->bottom; y++) {
		for (int x = at->left; x < at->right; x++)
			w->picture.pixels[y * (int)w->picture.width + x] = SPOILT;
	}
}

static inline void run(struct fixture *f)
{
	assert_true(sd_event_run(f->event, 10 * USEC_PER_SEC) > 0);
}

/* For all: while something is compressed, or since it was the last to take the frame before. */
static inline bool another_goes_on(const struct fixture *f, const struct watcher *w)
{
	if (worker_is_busy(f->groups.worker))
		return true;
	for (unsigned i = 0; i < f->n_watchers; i++) {
		const struct watcher *other = &f->watchers[i];

		if (other->woken && other->pacer.member.group == w->pacer.member.group)
			return true;
	}
	return false;
}

/* One message, if it is due and complete; whoever has one was told so. */
static inline bool try_take(struct fixture *f, struct watcher *w)
{
	struct member_piece piece;
	uint32_t seq;
	int r;

	take_screen(f, w);
	if (!pacer_is_due(&w->pacer))
		return false;
	if (!w->woken && another_goes_on(f, w))
		return false;
	/* What has become due by the time alone, a timer tells. */
	while (!w->woken)
		run(f);
	r = pacer_produce(&w->pacer, &piece);
	w->woken = pacer_is_due(&w->pacer); /* as client_produce() asks for the next */
	if (r == -EAGAIN)
		return false;
	assert_int_equal(r, 0);
	seq = w->pacer.seq;
	assert_int_equal(seq, w->more ? w->seq : w->seq + 1);
	if (!w->more)
		w->picture.filled = 0;
	w->seq = seq;
	w->more = piece.more;
	memset(piece.bytes - ENCODE_HEADROOM, 0xee, ENCODE_HEADROOM);
	w->body = piece.bytes;
	w->n_body = piece.n;
	if (piece.codec) {
		spoil(w, &piece.at);
		return true;
	}
	inflater_take(&w->inflater, w->body, w->n_body);
	assert_int_equal(picture_apply(&w->picture, w->inflater.bytes, w->inflater.n), 0);
	assert_true(w->picture.filled <= UINT64_C(4) * w->picture.width * w->picture.height);
	return true;
}

/* The same, but waits for what is being compressed. */
static inline bool take(struct fixture *f, struct watcher *w)
{
	while (!try_take(f, w)) {
		bool due = pacer_is_due(&w->pacer);

		if (!worker_is_busy(f->groups.worker) && !(due && w->woken))
			return false;
		if (!due || !w->woken)
			run(f);
	}
	return true;
}

static inline void ack(struct watcher *w)
{
	assert_int_equal(pacer_ack(&w->pacer, w->seq, 0), 0);
}

static inline bool can_ack(const struct watcher *w)
{
	return !w->more && w->pacer.acked != w->seq;
}

/* Takes and acknowledges until nothing is due for any. */
static inline void settle(struct fixture *f, unsigned n)
{
	bool busy = true;

	while (busy) {
		busy = false;
		for (unsigned i = 0; i < n; i++) {
			struct watcher *w = &f->watchers[i];

			while (take(f, w))
				busy = true;
			if (can_ack(w)) {
				ack(w);
				busy = true;
			}
		}
	}
}

static inline void tell_damage(struct fixture *f)
{
	for (unsigned i = 0; i < f->n_watchers; i++)
		pacer_handle_damage(&f->watchers[i].pacer);
}

static inline void fill(struct fixture *f, const struct rect *at, int n_colours)
{
	size_t n = (size_t)(rect_width(at) * rect_height(at));
	uint32_t *pixels = xalloc(n, sizeof(*pixels)), colours[300];

	for (int i = 0; i < n_colours; i++)
		colours[i] = (uint32_t)random_u64(&f->random) & COLOUR;
	for (size_t i = 0; i < n; i++)
		pixels[i] = colours[random_below(&f->random, n_colours)];
	scene_update(&f->scene, at, pixels, (size_t)rect_width(at));
	free(pixels);
	tell_damage(f);
}

static inline void fill_all(struct fixture *f, int n_colours)
{
	struct rect all = { 0, 0, (int)f->scene.width, (int)f->scene.height };

	fill(f, &all, n_colours);
}

static inline void move(struct fixture *f, int x, int y, int width, int height, int dx, int dy)
{
	struct scene_move m = { .to = rect_sized(x, y, width, height), .dx = dx, .dy = dy };

	scene_move(&f->scene, &m);
	tell_damage(f);
}

static inline void resize(struct fixture *f, unsigned width, unsigned height)
{
	assert_int_equal(scene_resize(&f->scene, width, height), 0);
	if (f->video)
		assert_int_equal(video_handle_resize(f->video), 0);
	for (unsigned i = 0; i < f->n_watchers; i++) {
		f->watchers[i].must_resize = true;
		f->watchers[i].woken = true;
		assert_int_equal(pacer_handle_resize(&f->watchers[i].pacer), 0);
	}
}

static inline void hold(struct fixture *f)
{
	hold_begin(&f->hold, f->groups.worker);
}

static inline void let_go(struct fixture *f)
{
	hold_end(&f->hold, f->event);
}

static inline bool is_exact(const struct fixture *f, const struct watcher *w)
{
	size_t n = (size_t)f->scene.width * f->scene.height;

	for (size_t i = 0; i < n; i++) {
		if (w->picture.pixels[i] != (f->scene.pixels[i] & COLOUR))
			return false;
	}
	return true;
}

static inline void assert_exact(const struct fixture *f, const struct watcher *w)
{
	assert_int_equal(w->picture.width, f->scene.width);
	assert_int_equal(w->picture.height, f->scene.height);
	assert_true(is_exact(f, w));
}

/* To one of them, or to the scene; called with ever larger @i. */
static inline void do_something(struct fixture *f, unsigned i)
{
	struct random *random = &f->random;
	struct watcher *w = &f->watchers[random_below(random, N_WATCHERS)];
	int width = (int)f->scene.width, height = (int)f->scene.height;
	struct rect box = rect_sized(random_below(random, width), random_below(random, height),
		1 + random_below(random, 200), 1 + random_below(random, 100));
	struct rect screen = { 0, 0, width, height };

	box = rect_intersect(&box, &screen);
	switch (random_below(random, 15)) {
	case 0:
		fill(f, &box, 1 + random_below(random, 40));
		break;
	case 1:
		move(f, box.left, box.top, rect_width(&box), rect_height(&box),
			box.left - random_below(random, width - rect_width(&box) + 1),
			box.top - random_below(random, height - rect_height(&box) + 1));
		break;
	case 2:
		if (i % 8 == 0)
			fill_all(f, 300);
		break;
	case 3:
		if (i % 16 == 0)
			resize(f, 64 + (unsigned)random_below(random, 900),
				64 + (unsigned)random_below(random, 300));
		break;
	case 4: /* leaves, and another comes */
		if (i % 4)
			break;
		unwatch(w);
		watch(f, w, 0);
		break;
	case 5:
		w->pacer.member.patience = 0;
		break;
	case 6:
		sd_event_run(f->event, USEC_PER_MSEC);
		break;
	case 7:
	case 8:
	case 9:
	case 10:
		try_take(f, w);
		break;
	case 11:
		if (f->hold.worker)
			let_go(f);
		else if (i % 2)
			hold(f);
		break;
	default:
		if (can_ack(w))
			ack(w);
		break;
	}
}
