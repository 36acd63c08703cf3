/* SPDX-License-Identifier: BSD-3-Clause */
/* Viewers in step and out of it, by their pacers; what they are sent is decoded and compared. */
#include "host/encode/group.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "host/connection.h"
#include "host/encode/group-inside.h"
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

static int setup(void **state)
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

static int setup_with_video(void **state)
{
	static const struct codec_impl *const codecs[] = { &codec_fake, NULL };
	struct fixture *f;

	setup(state);
	f = *state;
	assert_int_equal(video_create(&f->video, &f->scene, f->event, codecs), 0);
	f->groups.video = f->video;
	return 0;
}

/* Photos alone: what keeps changing goes as JPEG as well, but no test of these lasts so long. */
static int setup_with_photos(void **state)
{
	static const struct codec_impl *const codecs[] = { &codec_jpeg, NULL };
	struct fixture *f;

	setup(state);
	f = *state;
	assert_int_equal(video_create(&f->video, &f->scene, f->event, codecs), 0);
	f->groups.video = f->video;
	return 0;
}

static void handle_due(void *data)
{
	((struct watcher *)data)->woken = true;
}

static void watch(struct fixture *f, struct watcher *w, unsigned decodes)
{
	*w = (struct watcher){ .woken = true };
	inflater_init(&w->inflater);
	assert_int_equal(pacer_init(&w->pacer, &f->groups, decodes, handle_due, w), 0);
	assert_int_equal(picture_resize(&w->picture, f->scene.width, f->scene.height), 0);
	/* So fast a link that no frame is cut for it. */
	w->pacer.meter.known = true;
	w->pacer.meter.rate = 1000 * 1000 * 1000;
}

static void unwatch(struct watcher *w)
{
	pacer_finish(&w->pacer);
	inflater_finish(&w->inflater);
	picture_finish(&w->picture);
}

static void watch_all(struct fixture *f, unsigned n)
{
	for (; f->n_watchers < n; f->n_watchers++)
		watch(f, &f->watchers[f->n_watchers], 0);
}

static int teardown(void **state)
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

static void take_screen(struct fixture *f, struct watcher *w)
{
	if (!w->must_resize)
		return;
	w->must_resize = false;
	assert_int_equal(picture_resize(&w->picture, f->scene.width, f->scene.height), 0);
}

/* What a coded picture does to it, at worst. */
static void spoil(struct watcher *w, const struct rect *at)
{
	w->n_pictures++;
	for (int y = at->top; y < at->bottom; y++) {
		for (int x = at->left; x < at->right; x++)
			w->picture.pixels[y * (int)w->picture.width + x] = SPOILT;
	}
}

static void run(struct fixture *f)
{
	assert_true(sd_event_run(f->event, 10 * USEC_PER_SEC) > 0);
}

/* For all: while something is compressed, or since it was the last to take the frame before. */
static bool another_goes_on(const struct fixture *f, const struct watcher *w)
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
static bool try_take(struct fixture *f, struct watcher *w)
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
static bool take(struct fixture *f, struct watcher *w)
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

static void ack(struct watcher *w)
{
	assert_int_equal(pacer_ack(&w->pacer, w->seq, 0), 0);
}

static bool can_ack(const struct watcher *w)
{
	return !w->more && w->pacer.acked != w->seq;
}

/* Takes and acknowledges until nothing is due for any. */
static void settle(struct fixture *f, unsigned n)
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

static void tell_damage(struct fixture *f)
{
	for (unsigned i = 0; i < f->n_watchers; i++)
		pacer_handle_damage(&f->watchers[i].pacer);
}

static void fill(struct fixture *f, const struct rect *at, int n_colours)
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

static void fill_all(struct fixture *f, int n_colours)
{
	struct rect all = { 0, 0, (int)f->scene.width, (int)f->scene.height };

	fill(f, &all, n_colours);
}

static void resize(struct fixture *f, unsigned width, unsigned height)
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

static void assert_exact(const struct fixture *f, const struct watcher *w)
{
	size_t n = (size_t)f->scene.width * f->scene.height, n_wrong = 0;

	assert_int_equal(w->picture.width, f->scene.width);
	assert_int_equal(w->picture.height, f->scene.height);
	for (size_t i = 0; i < n; i++)
		n_wrong += w->picture.pixels[i] != (f->scene.pixels[i] & COLOUR);
	assert_int_equal(n_wrong, 0);
}

/* All have the whole picture, and one change more: then they are one group. */
static void bring_into_step(struct fixture *f, unsigned n)
{
	struct rect dot = { 0, 0, 1, 1 };

	watch_all(f, n);
	settle(f, n);
	for (unsigned i = 0; i < n; i++)
		f->watchers[i].pacer.member.patience = 0;
	fill(f, &dot, 1);
	settle(f, n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(member_n_in_step(&f->watchers[i].pacer.member), n);
		assert_exact(f, &f->watchers[i]);
	}
}

static void wait_until_alone(struct fixture *f, const struct watcher *w)
{
	while (member_n_in_step(&w->pacer.member) > 1)
		run(f);
}

static struct rect box_at(int i)
{
	return rect_sized(i % 10 * 80, i / 10 % 3 * 90, 20, 20);
}

/* --- in step --- */

static void test_viewers_in_step_are_sent_the_same_bytes(void **state) /* LOD-02 */
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0], *b = &f->watchers[1];

	fill_all(f, 40);
	bring_into_step(f, 2);
	for (int i = 0; i < 20; i++) {
		struct rect box = box_at(i);

		fill(f, &box, 4);
		assert_true(take(f, a));
		assert_true(take(f, b));
		assert_ptr_equal(a->body, b->body); /* not only equal */
		assert_false(a->more);
		ack(a);
		ack(b);
		assert_exact(f, a);
		assert_exact(f, b);
	}
}

static void test_who_has_taken_all_is_up_to_date_until_something_changes(void **state)
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0], *b = &f->watchers[1];
	struct rect box = box_at(0);

	bring_into_step(f, 2);
	assert_true(member_is_up_to_date(&a->pacer.member));
	fill(f, &box, 4);
	assert_false(member_is_up_to_date(&a->pacer.member));
	assert_true(take(f, a));
	assert_true(member_is_up_to_date(&a->pacer.member));
	assert_false(member_is_up_to_date(&b->pacer.member)); /* encoded, and not taken */
	assert_true(take(f, b));
	assert_true(member_is_up_to_date(&b->pacer.member));
	fill_all(f, 300); /* many pieces */
	ack(a);
	ack(b);
	assert_true(take(f, a));
	assert_true(a->more);
	assert_false(member_is_up_to_date(&a->pacer.member));
	settle(f, 2);
	assert_true(member_is_up_to_date(&a->pacer.member));
}

static void test_no_frame_begins_while_the_scene_settles(void **state)
{
	struct fixture *f = *state;
	struct watcher *w = &f->watchers[0];
	struct rect box = box_at(7);

	watch_all(f, 1);
	settle(f, 1);
	f->scene.is_settling = true;
	fill(f, &box, 4);
	assert_false(take(f, w));
	f->scene.is_settling = false;
	tell_damage(f);
	fill_all(f, 300); /* many pieces */
	assert_true(take(f, w));
	f->scene.is_settling = true;
	while (w->more) /* one that is open goes on */
		assert_true(take(f, w));
	ack(w);
	f->scene.is_settling = false;
	settle(f, 1);
	assert_exact(f, w);
}

static void test_viewers_who_decode_other_things_are_apart(void **state)
{
	struct fixture *f = *state;
	struct rect box = box_at(3);

	watch(f, &f->watchers[0], 1 << STREAM_JPEG);
	watch(f, &f->watchers[1], 1 << STREAM_VP9);
	f->n_watchers = 2;
	settle(f, 2);
	fill(f, &box, 4);
	settle(f, 2);
	assert_int_equal(member_n_in_step(&f->watchers[0].pacer.member), 1);
	assert_int_equal(member_n_in_step(&f->watchers[1].pacer.member), 1);
	assert_exact(f, &f->watchers[1]);
}

/* --- out of step --- */

static void test_who_is_not_ready_is_left_behind_after_a_moment(void **state) /* LOD-01 */
{
	struct fixture *f = *state;
	struct watcher *fast = &f->watchers[0], *slow = &f->watchers[1];

	fill_all(f, 40);
	bring_into_step(f, 3);
	for (int i = 0; i < 30; i++) {
		struct rect box = box_at(i);

		fill(f, &box, 4);
		if (i == 1) { /* two are ready, one is not */
			assert_false(pacer_is_due(&fast->pacer));
			assert_true(f->watchers[2].pacer.acked == f->watchers[2].seq);
			wait_until_alone(f, slow);
			assert_int_equal(member_n_in_step(&fast->pacer.member), 2);
			assert_int_equal(member_n_in_step(&slow->pacer.member), 1);
		}
		assert_true(take(f, fast));
		assert_true(take(f, &f->watchers[2]));
		if (i == 0)
			assert_true(take(f, slow));
		assert_false(take(f, slow));
		ack(fast);
		ack(&f->watchers[2]);
		assert_exact(f, fast);
	}
	/* One frame brings him the newest state. */
	ack(slow);
	assert_true(take(f, slow));
	assert_false(slow->more);
	assert_exact(f, slow);
}

static void test_who_is_ready_in_time_stays(void **state)
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0], *b = &f->watchers[1];
	struct rect box = box_at(5);

	bring_into_step(f, 2);
	fill(f, &box, 4);
	assert_true(take(f, a));
	assert_true(take(f, b));
	ack(a);
	fill(f, &box, 4);
	assert_false(take(f, a)); /* it waits for b */
	a->woken = false;
	ack(b);
	assert_true(a->woken);
	assert_true(take(f, a));
	assert_true(take(f, b));
	assert_ptr_equal(a->body, b->body);
	/* And the time limit is off: nobody is left behind. */
	fill(f, &box, 4);
	sd_event_run(f->event, 3 * GROUP_GRACE_USEC);
	assert_int_equal(member_n_in_step(&a->pacer.member), 2);
}

static void test_who_comes_into_step_again_shares_again(void **state)
{
	struct fixture *f = *state;
	struct watcher *fast = &f->watchers[0], *slow = &f->watchers[1];
	struct rect box = box_at(7);

	fill_all(f, 40);
	bring_into_step(f, 2);
	fill(f, &box, 4);
	assert_true(take(f, fast));
	assert_true(take(f, slow));
	ack(fast);
	fill(f, &box, 4);
	wait_until_alone(f, slow);
	assert_int_equal(slow->pacer.member.patience, GROUP_PATIENCE_USEC);
	settle(f, 2);
	fill(f, &box, 4); /* too early */
	settle(f, 2);
	assert_int_equal(member_n_in_step(&slow->pacer.member), 1);
	bring_into_step(f, 2); /* as if time had passed */
	fill(f, &box, 4);
	assert_true(take(f, fast));
	assert_true(take(f, slow));
	assert_ptr_equal(fast->body, slow->body);
	settle(f, 2);
	assert_exact(f, fast);
	assert_exact(f, slow);
}

static void test_patience_is_doubled_up_to_a_limit(void **state)
{
	struct fixture *f = *state;
	struct watcher *fast = &f->watchers[0], *slow = &f->watchers[1];
	struct rect box = box_at(7);
	usec_t patience = 0;

	bring_into_step(f, 2);
	for (int i = 0; i < 9; i++) {
		fill(f, &box, 4);
		assert_true(take(f, fast));
		assert_true(take(f, slow));
		ack(fast);
		fill(f, &box, 4);
		slow->pacer.member.patience = patience;
		wait_until_alone(f, slow);
		patience = slow->pacer.member.patience;
		assert_int_equal(patience,
			i < 6 ? GROUP_PATIENCE_USEC << i : GROUP_PATIENCE_MAX_USEC);
		settle(f, 2);
		bring_into_step(f, 2);
	}
}

static void test_late_joiner_gets_all_and_the_others_nothing_of_it(void **state)
{
	struct fixture *f = *state;
	struct watcher *late = &f->watchers[2];
	struct rect box = box_at(4);
	size_t n;

	fill_all(f, 200);
	bring_into_step(f, 2);
	watch_all(f, 3);
	fill(f, &box, 4);
	assert_true(take(f, &f->watchers[0]));
	n = f->watchers[0].n_body;
	assert_true(n < 500);
	assert_true(take(f, late));
	assert_true(late->n_body > 20 * n);
	settle(f, 3);
	assert_exact(f, late);
	bring_into_step(f, 3);
}

/* --- frames in pieces --- */

static void test_members_take_the_pieces_of_a_frame_at_their_own_pace(void **state)
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0], *b = &f->watchers[1];
	unsigned n_pieces = 0;

	bring_into_step(f, 2);
	fill_all(f, 300);
	do {
		assert_true(take(f, a));
		if (++n_pieces == 4) {
			assert_true(take(f, b));
			assert_true(take(f, b));
		}
	} while (a->more);
	assert_true(n_pieces > 4 && n_pieces < GROUP_PIECES_MAX);
	ack(a);
	while (take(f, b))
		;
	assert_int_equal(member_n_in_step(&b->pacer.member), 2);
	assert_exact(f, a);
	assert_exact(f, b);
	ack(b);
}

static void test_who_is_many_pieces_behind_goes_on_alone(void **state)
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0], *b = &f->watchers[1];

	resize(f, 1900, 900);
	bring_into_step(f, 2);
	fill_all(f, 300);
	assert_true(take(f, b));
	while (take(f, a))
		;
	assert_int_equal(member_n_in_step(&b->pacer.member), 1);
	assert_true(b->more);
	ack(a);
	settle(f, 2);
	assert_exact(f, a);
	assert_exact(f, b);
}

static void test_leaving_in_the_middle_of_a_frame_is_nobodys_business(void **state)
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0], *b = &f->watchers[1];

	bring_into_step(f, 3);
	fill_all(f, 300);
	assert_true(take(f, a));
	assert_true(take(f, b));
	assert_true(take(f, &f->watchers[2]));
	assert_true(take(f, &f->watchers[2]));
	unwatch(&f->watchers[2]);
	f->n_watchers = 2;
	settle(f, 2);
	assert_exact(f, a);
	assert_exact(f, b);
	assert_int_equal(member_n_in_step(&a->pacer.member), 2);
}

/* Some have the whole frame, some a part of it: each is told of its end exactly once. */
static void test_new_screen_between_the_pieces(void **state)
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0], *b = &f->watchers[1];
	struct rect box = box_at(2);

	bring_into_step(f, 2);
	fill_all(f, 300);
	while (take(f, a))
		;
	assert_false(a->more);
	assert_true(take(f, b));
	assert_true(b->more);
	resize(f, 333, 222);
	assert_true(take(f, b));
	assert_false(b->more);
	assert_false(take(f, b));
	fill(f, &box, 9);
	settle(f, 2);
	assert_exact(f, a);
	assert_exact(f, b);

	/* And when nobody has all of it. */
	resize(f, WIDTH, HEIGHT);
	fill_all(f, 300);
	assert_true(take(f, a));
	resize(f, 0, 0);
	settle(f, 2);
	assert_false(a->more);
	assert_false(b->more);
	resize(f, 64, 64);
	fill_all(f, 3);
	settle(f, 2);
	assert_exact(f, a);
	assert_exact(f, b);
}

static size_t produce(struct fixture *f, struct watcher *w)
{
	struct member_piece piece;
	int r;

	do {
		while (!pacer_is_due(&w->pacer))
			run(f);
		r = pacer_produce(&w->pacer, &piece);
	} while (r == -EAGAIN);
	assert_int_equal(r, 0);
	w->more = piece.more;
	w->seq = w->pacer.seq;
	return piece.n;
}

/* Not decoded: that would take a gigabyte. The scene's own is never written to, so not there. */
static void test_the_largest_screen_comes_in_pieces_and_the_smallest_in_one(void **state)
{
	struct fixture *f = *state;
	struct watcher *w = &f->watchers[0];
	struct rect corner = { 16383, 16383, 16384, 16384 }, dot = { 0, 0, 1, 1 };
	unsigned n_pieces = 0;

	watch_all(f, 1);
	assert_int_equal(scene_resize(&f->scene, 16384, 16384), 0);
	assert_int_equal(pacer_handle_resize(&w->pacer), 0);
	region_add_all(&list_first(&f->scene.views, struct scene_view, link)->dirty);
	do {
		produce(f, w);
		n_pieces++;
	} while (w->more);
	assert_in_range(n_pieces, 2, 1100); /* of 64 tiles */
	ack(w);
	fill(f, &corner, 1);
	assert_true(produce(f, w) < 60);
	assert_false(w->more);
	ack(w);
	resize(f, 1, 1);
	fill(f, &dot, 1);
	settle(f, 1);
	assert_exact(f, w);
}

/* Text: of few bytes, but it takes time to look at it all. */
static void test_no_piece_keeps_the_others_waiting_for_long(void **state) /* LOD-04 */
{
	struct fixture *f = *state;
	struct watcher *w = &f->watchers[0];
	unsigned n_pieces = 0;

	resize(f, 1920, 1080);
	bring_into_step(f, 1);
	fill_all(f, 2);
	while (take(f, w))
		n_pieces++;
	assert_in_range(n_pieces, 8, 16);
	assert_exact(f, w);
}

/* --- pieces that are being compressed --- */

static void hold(struct fixture *f)
{
	hold_begin(&f->hold, f->groups.worker);
}

static void let_go(struct fixture *f)
{
	hold_end(&f->hold, f->event);
}

/* As long as something can be made for @w: one piece is with a thread, and one waits. */
static void make_all_that_can_be(struct fixture *f, struct watcher *w)
{
	unsigned n_made = 0;

	while (pacer_is_due(&w->pacer)) {
		assert_false(try_take(f, w));
		n_made++;
	}
	assert_int_equal(n_made, 2);
}

static void test_while_a_piece_is_compressed_only_one_more_is_made(void **state)
{
	struct fixture *f = *state;
	struct watcher *w = &f->watchers[0];
	struct rect box = box_at(5), last = rect_sized(WIDTH - 10, HEIGHT - 10, 10, 10);

	bring_into_step(f, 1);
	fill_all(f, 300);
	hold(f);
	make_all_that_can_be(f, w);
	assert_false(member_is_up_to_date(&w->pacer.member));
	/* What is not made yet is of the newest state; what is, is dirty again. */
	fill(f, &box, 4);
	fill(f, &last, 4);
	w->woken = false;
	let_go(f);
	while (!w->woken)
		run(f);
	settle(f, 1);
	assert_exact(f, w);
}

/* Input, small changes, other viewers: all go on. */
static void test_who_is_apart_does_not_wait_for_what_is_compressed(void **state)
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0], *b = &f->watchers[1];
	struct rect box = box_at(5);

	watch(f, a, 1 << STREAM_JPEG);
	watch(f, b, 1 << STREAM_VP9);
	f->n_watchers = 2;
	settle(f, 2);
	fill_all(f, 300);
	while (take(f, b))
		;
	ack(b);
	hold(f);
	make_all_that_can_be(f, a);
	fill(f, &box, 4);
	assert_true(try_take(f, b));
	assert_false(b->more);
	assert_exact(f, b);
	ack(b);
	let_go(f);
	settle(f, 2);
	assert_exact(f, a);
}

static void test_all_may_leave_while_a_piece_is_compressed(void **state)
{
	struct fixture *f = *state;

	bring_into_step(f, 3);
	fill_all(f, 300);
	hold(f);
	make_all_that_can_be(f, &f->watchers[0]);
	unwatch(&f->watchers[2]);
	f->n_watchers = 2;
	assert_false(pacer_is_due(&f->watchers[1].pacer));
	unwatch(&f->watchers[1]);
	unwatch(&f->watchers[0]);
	f->n_watchers = 0;
	assert_true(list_empty(&f->groups.list));
	/* And one after them does not hear of it. */
	watch_all(f, 1);
	let_go(f);
	settle(f, 1);
	assert_exact(f, &f->watchers[0]);
}

static void test_those_who_stay_have_what_was_compressed(void **state)
{
	struct fixture *f = *state;

	bring_into_step(f, 3);
	fill_all(f, 300);
	hold(f);
	make_all_that_can_be(f, &f->watchers[2]); /* who goes on for all, and leaves */
	unwatch(&f->watchers[2]);
	f->n_watchers = 2;
	let_go(f);
	settle(f, 2);
	assert_exact(f, &f->watchers[0]);
	assert_exact(f, &f->watchers[1]);
	assert_int_equal(member_n_in_step(&f->watchers[0].pacer.member), 2);
}

static void test_who_is_left_behind_gets_what_was_being_compressed(void **state)
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0], *b = &f->watchers[1];

	resize(f, 1900, 900);
	bring_into_step(f, 2);
	fill_all(f, 300);
	assert_true(take(f, b));
	for (unsigned i = 0; i + 1 < GROUP_PIECES_MAX; i++)
		assert_true(take(f, a));
	while (worker_is_busy(f->groups.worker))
		run(f);
	hold(f);
	while (member_n_in_step(&b->pacer.member) > 1) {
		assert_true(pacer_is_due(&a->pacer));
		try_take(f, a);
	}
	assert_true(b->more);
	let_go(f);
	settle(f, 2);
	assert_exact(f, a);
	assert_exact(f, b);
}

/* What was begun before is void, and what comes after it refers to nothing of it. */
static void test_new_screen_while_a_piece_is_compressed(void **state)
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0], *b = &f->watchers[1];
	struct rect box = box_at(0);

	for (unsigned i = 0; i < 6; i++) {
		bring_into_step(f, 2);
		fill_all(f, 300);
		if (i % 3 == 1)
			assert_true(take(f, b));
		hold(f);
		while (pacer_is_due(&a->pacer) && a->woken)
			try_take(f, a);
		resize(f, 400 + 100 * i % 300, 222);
		fill(f, &box, 9);
		for (unsigned k = 0; k < 4; k++) {
			try_take(f, i % 2 ? a : b);
			if (i % 2 && can_ack(a))
				ack(a);
		}
		let_go(f);
		fill(f, &box, 7);
		settle(f, 2);
		assert_exact(f, a);
		assert_exact(f, b);
		resize(f, WIDTH, HEIGHT);
		fill_all(f, 30);
		settle(f, 2);
	}
}

/* A newcomer joins where the thread still has the stream, with what is void of it. */
static void test_coming_into_step_while_what_is_void_is_compressed(void **state)
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0], *b = &f->watchers[1];
	struct rect box = box_at(0), two_pieces = { 0, 0, WIDTH, 80 };

	watch_all(f, 2);
	a->pacer.member.patience = b->pacer.member.patience = GROUP_PATIENCE_MAX_USEC;
	settle(f, 2);
	assert_int_equal(member_n_in_step(&a->pacer.member), 1);
	fill(f, &two_pieces, 300);
	while (take(f, b))
		;
	ack(b);
	hold(f);
	make_all_that_can_be(f, a);
	resize(f, 300, 200);
	assert_true(try_take(f, a)); /* the frame's end */
	assert_false(a->more);
	ack(a);
	a->pacer.member.patience = b->pacer.member.patience = 0;
	fill(f, &box, 9);
	assert_false(try_take(f, a)); /* it waits for the thread */
	assert_int_equal(member_n_in_step(&a->pacer.member), 2);
	assert_false(try_take(f, b));
	let_go(f);
	settle(f, 2);
	assert_exact(f, a);
	assert_exact(f, b);
}

/* An encoder whose thread is done when the test says so, and how. */
static struct {
	struct encode_impl impl;
	encode_done_fn done;
	void *data;
	struct encode_body *body; /* NULL: nothing is under way */
} slow;

static struct encoder *slow_create(struct worker *worker, encode_done_fn done, void *data)
{
	struct encoder *self = encode_fake.create(worker, done, data);

	assert_non_null(self);
	self->impl = &slow.impl;
	slow.done = done;
	slow.data = data;
	return self;
}

static int slow_take(struct encoder *self, struct encode_body *ret)
{
	(void)self;
	assert_null(slow.body);
	slow.body = ret;
	return -EINPROGRESS;
}

static bool slow_is_busy(const struct encoder *self)
{
	(void)self;
	return slow.body;
}

static bool slow_has_room(const struct encoder *self)
{
	(void)self;
	return !slow.body;
}

static void test_without_memory_in_a_thread_all_its_viewers_must_go(void **state)
{
	struct fixture *f = *state;
	struct member_piece piece;

	slow.impl = encode_fake;
	slow.impl.create = slow_create;
	slow.impl.take = slow_take;
	slow.impl.is_busy = slow_is_busy;
	slow.impl.has_room = slow_has_room;
	f->groups.impl = &slow.impl;
	watch_all(f, 2);
	assert_false(try_take(f, &f->watchers[0]));
	assert_non_null(slow.body);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(member_n_in_step(&f->watchers[i].pacer.member), 2);
		assert_false(pacer_is_due(&f->watchers[i].pacer));
		f->watchers[i].woken = false;
	}
	slow.done(slow.data, TAKE_PTR(slow.body), -ENOMEM);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(f->watchers[i].woken);
		assert_int_equal(pacer_produce(&f->watchers[i].pacer, &piece), -ENOMEM);
	}
}

static void test_without_threads_all_is_compressed_at_once(void **state)
{
	struct fixture *f = *state;

	groups_finish(&f->groups);
	/* No machine has so much for a stack. */
	assert_int_equal(worker_create(&f->groups.worker, f->event, 2, (size_t)1 << 46), 0);
	bring_into_step(f, 2);
	fill_all(f, 300);
	for (unsigned i = 0; i < 2; i++) {
		while (try_take(f, &f->watchers[i]))
			;
		assert_false(f->watchers[i].more);
		assert_exact(f, &f->watchers[i]);
	}
}

/* --- moves --- */

static void move(struct fixture *f, int x, int y, int width, int height, int dx, int dy)
{
	struct scene_move m = { .to = rect_sized(x, y, width, height), .dx = dx, .dy = dy };

	scene_move(&f->scene, &m);
	tell_damage(f);
}

static void test_moves_go_before_tiles_and_cost_little(void **state)
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0];
	struct rect line = { 0, HEIGHT - 20, WIDTH, HEIGHT };

	fill_all(f, 200);
	bring_into_step(f, 2);
	for (int i = 0; i < 10; i++) {
		move(f, 0, 0, WIDTH, HEIGHT - 20, 0, -20);
		fill(f, &line, 2);
		assert_true(take(f, a));
		assert_false(a->more);
		assert_true(a->n_body < 2500 + 500); /* one line of noise in two colours */
		settle(f, 2);
		assert_exact(f, a);
		assert_exact(f, &f->watchers[1]);
	}
	move(f, 0, 0, WIDTH, HEIGHT - 20, 0, 0); /* nothing, but a move */
	assert_true(take(f, a));
	assert_true(a->n_body < 30);
}

/* A page holds a server to four screens a seq. */
static void test_more_moves_than_a_frame_may_have_become_tiles(void **state)
{
	struct fixture *f = *state;

	fill_all(f, 200);
	bring_into_step(f, 2);
	for (int i = 0; i < SCENE_MOVES_MAX; i++)
		move(f, 0, i % 2, WIDTH, HEIGHT - 1, 0, i % 2 ? 1 : -1);
	assert_true(take(f, &f->watchers[0])); /* which looks at what is filled */
	settle(f, 2);
	assert_exact(f, &f->watchers[0]);
	assert_exact(f, &f->watchers[1]);
}

static void test_moves_in_the_middle_of_a_frame(void **state)
{
	struct fixture *f = *state;

	bring_into_step(f, 2);
	for (int i = 0; i < 20; i++) {
		fill_all(f, 300);
		for (int k = 0; k < 4; k++) {
			take(f, &f->watchers[k % 3 == 0]);
			move(f, 5 + 10 * k, 3 + 3 * i, 500, 200, 5, i % 3 * 3 - 3);
		}
		settle(f, 2);
		assert_exact(f, &f->watchers[0]);
		assert_exact(f, &f->watchers[1]);
	}
}

/* A menu over what was just scrolled there: at rest it is known what that looks like. */
static void test_at_rest_what_has_moved_is_remembered(void **state)
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0];
	struct rect menu = { 64, 0, 320, 256 };
	uint32_t *before = xalloc(WIDTH * HEIGHT, sizeof(*before));
	size_t first;

	fill_all(f, 100);
	bring_into_step(f, 2);
	move(f, 0, 1, WIDTH, HEIGHT - 20, 0, 1);
	settle(f, 2);
	memcpy(before, f->scene.pixels, sizeof(*before) * WIDTH * HEIGHT);
	while (sd_event_run(f->event, 2 * ENCODE_REST_USEC) > 0)
		;
	fill(f, &menu, 100);
	assert_true(take(f, a));
	first = a->n_body;
	settle(f, 2);
	scene_update(&f->scene, &menu, before + 64, WIDTH);
	tell_damage(f);
	assert_true(take(f, a));
	assert_true(20 * a->n_body < first);
	settle(f, 2);
	assert_exact(f, a);
	assert_exact(f, &f->watchers[1]);
	free(before);
}

/* --- everything at once --- */

static void do_something(struct fixture *f, unsigned i)
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

static void test_all_see_the_screen_after_any_order_of_events(void **state)
{
	struct fixture *f = *state;

	watch_all(f, N_WATCHERS);
	for (unsigned turn = 0; turn < 40; turn++) {
		for (unsigned i = 0; i < 100; i++)
			do_something(f, i);
		let_go(f);
		settle(f, N_WATCHERS);
		for (unsigned i = 0; i < N_WATCHERS; i++)
			assert_exact(f, &f->watchers[i]);
	}
}

/* --- acknowledgements --- */

static void test_acks_of_what_was_not_sent_or_twice_are_nonsense(void **state)
{
	struct fixture *f = *state;
	struct watcher *w = &f->watchers[0];
	struct pacer *pacer = &w->pacer;

	watch_all(f, 1);
	assert_int_equal(pacer_ack(pacer, 0, 0), -EBADMSG);
	assert_int_equal(pacer_ack(pacer, 1, 0), -EBADMSG);
	fill_all(f, 300);
	assert_true(take(f, w));
	assert_true(w->more);
	assert_true(pacer->waits_since > 0);
	assert_int_equal(pacer_ack(pacer, 1, 0), -EBADMSG); /* not in full */
	while (take(f, w))
		;
	assert_int_equal(pacer_ack(pacer, 2, 0), -EBADMSG);
	assert_int_equal(pacer_ack(pacer, UINT32_MAX, 0), -EBADMSG);
	assert_int_equal(pacer_ack(pacer, 0, 0), -EBADMSG);
	ack(w);
	assert_int_equal(pacer->waits_since, 0);
	assert_int_equal(pacer_ack(pacer, 1, 0), -EBADMSG);
	/* Numbers begin anew some day. */
	pacer->seq = pacer->acked = w->seq = UINT32_MAX;
	fill_all(f, 2);
	while (take(f, w))
		;
	assert_int_equal(w->seq, 0);
	assert_int_equal(pacer_ack(pacer, UINT32_MAX, 0), -EBADMSG);
	ack(w);
}

/* One frame, as over a link of 100 kB/s and 20 ms. */
static size_t take_frame_slowly(struct fixture *f, struct watcher *w)
{
	size_t n = 0;

	w->pacer.meter.rate = 100 * 1000;
	w->pacer.meter.rtt_min = 20 * USEC_PER_MSEC;
	do {
		assert_true(take(f, w));
		n += w->n_body;
	} while (w->more);
	ack(w);
	return n;
}

/* NET-01: what is left waits for the next one, and an echo does not wait for that. */
static void test_over_a_slow_link_frames_are_small_and_what_is_new_goes_first(void **state)
{
	struct fixture *f = *state;
	struct watcher *w = &f->watchers[0];
	struct rect key = rect_sized(880, 280, 10, 10);
	size_t at = (size_t)285 * WIDTH + 885;

	bring_into_step(f, 1);
	fill_all(f, 300);
	for (unsigned i = 0; i < 4; i++)
		assert_in_range(take_frame_slowly(f, w), 1, 100 * 1000 / 25 + 64 * 64 * 3);
	/* Its tile has waited as all have: once that was sent, it is the first. */
	while (w->picture.pixels[at] != (f->scene.pixels[at] & COLOUR))
		take_frame_slowly(f, w);
	for (unsigned i = 0; i < 3; i++) {
		struct rect film = { 0, 0, 800, 300 };

		fill(f, &film, 300);
		take_frame_slowly(f, w);
		take_frame_slowly(f, w);
		fill(f, &key, 1);
		take_frame_slowly(f, w);
		take_frame_slowly(f, w);
		assert_int_equal(w->picture.pixels[at], f->scene.pixels[at] & COLOUR);
		assert_true(memcmp(w->picture.pixels, f->scene.pixels, WIDTH * 64 * 4) != 0);
	}
	settle(f, 1);
	assert_exact(f, w);
}

#define PHOTO_TEST(name)                                                                       \
	cmocka_unit_test_setup_teardown(test_##name, setup_with_photos, teardown)
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

/* --- video --- */

#define HANGS (60 * USEC_PER_SEC)

static const struct rect screen_of_film = { 70, 70, 330, 260 };

static void look(struct fixture *f)
{
	video_look(f->video, clock_now());
	tell_damage(f);
}

/* A film, and windows that are moved over it, out of it and elsewhere. */
static void play(struct fixture *f)
{
	struct scene_move move = { .to = rect_sized(random_below(&f->random, WIDTH - 100),
					   random_below(&f->random, HEIGHT - 60), 100, 60) };
	struct rect from = rect_sized(random_below(&f->random, WIDTH - 100),
		random_below(&f->random, HEIGHT - 60), 100, 60);

	fill(f, &screen_of_film, 200);
	if (random_below(&f->random, 3) == 0) {
		move.dx = move.to.left - from.left;
		move.dy = move.to.top - from.top;
		scene_move(&f->scene, &move);
	}
	look(f);
}

/* Some take and acknowledge what there is, and some do not. */
static void attend(struct fixture *f)
{
	for (unsigned i = 0; i < f->n_watchers; i++) {
		struct watcher *w = &f->watchers[i];

		if (random_below(&f->random, 4) == 0)
			continue;
		take(f, w);
		if (can_ack(w) && random_below(&f->random, 3) > 0)
			ack(w);
	}
}

/* Before the film and after it: what was remembered of this is wrong meanwhile. */
static void show_still(struct fixture *f)
{
	struct random random = f->random;

	f->random.state = 7;
	fill(f, &screen_of_film, 30);
	f->random = random;
	look(f);
}

static bool all_exact(struct fixture *f)
{
	settle(f, f->n_watchers);
	for (unsigned i = 0; i < f->n_watchers; i++) {
		for (size_t n = 0; n < (size_t)WIDTH * HEIGHT; n++) {
			if (f->watchers[i].picture.pixels[n] != (f->scene.pixels[n] & COLOUR))
				return false;
		}
	}
	return true;
}

static unsigned pictures_seen(const struct fixture *f)
{
	unsigned n = 0;

	for (unsigned i = 0; i < N_WATCHERS; i++)
		n += f->watchers[i].n_pictures;
	return n;
}

/* However slow the machine is: a film lasts until enough of it was seen. */
static void test_after_a_film_with_moves_all_is_exact(void **state)
{
	struct fixture *f = *state;
	usec_t end, limit;

	for (unsigned i = 0; i < N_WATCHERS; i++)
		watch(f, &f->watchers[i], i < 4 ? 1U << CODEC_VP9 : 0);
	f->n_watchers = N_WATCHERS;
	fill_all(f, 200);
	for (int film = 0; film < 2; film++) {
		show_still(f);
		settle(f, N_WATCHERS);
		end = clock_now() + 1500 * USEC_PER_MSEC;
		limit = clock_now() + HANGS;
		while (clock_now() < end || pictures_seen(f) < 10 * (film + 1U)) {
			assert_true(clock_now() < limit);
			play(f);
			attend(f);
			assert_true(sd_event_run(f->event, 10 * USEC_PER_MSEC) >= 0);
		}
		show_still(f);
		limit = clock_now() + HANGS;
		while (!all_exact(f)) {
			assert_true(clock_now() < limit);
			assert_true(sd_event_run(f->event, 50 * USEC_PER_MSEC) >= 0);
		}
	}
	assert_true(f->watchers[0].n_pictures > 0);
	assert_int_equal(f->watchers[4].n_pictures, 0);
}

static bool film_goes_on(const struct fixture *f)
{
	for (unsigned i = 0; i < BUSY_REGIONS_MAX; i++) {
		if (!rect_is_empty(&f->video->busy.regions[i].rect))
			return true;
	}
	return false;
}

/* Its tiles go in the frame whose picture is still to come, and would undo them. */
static void test_a_film_that_ends_before_its_last_picture_has_gone_is_exact(void **state)
{
	struct fixture *f = *state;
	struct watcher *w = &f->watchers[0];
	struct rect beside = { 400, 0, WIDTH, HEIGHT };
	usec_t limit = clock_now() + HANGS;

	watch(f, w, 1U << CODEC_VP9);
	f->n_watchers = 1;
	fill_all(f, 200);
	settle(f, 1);
	while (!video_viewer_is_due(&w->pacer.member.group->video)) {
		assert_true(clock_now() < limit);
		fill(f, &screen_of_film, 200);
		look(f);
		assert_true(sd_event_run(f->event, 10 * USEC_PER_MSEC) >= 0);
	}
	fill(f, &beside, 300);
	assert_true(take(f, w));
	assert_true(w->more);
	assert_non_null(w->pacer.member.group->picture);
	while (film_goes_on(f)) {
		assert_true(clock_now() < limit);
		look(f);
		assert_true(sd_event_run(f->event, 10 * USEC_PER_MSEC) >= 0);
	}
	settle(f, 1);
	assert_true(w->n_pictures > 0);
	assert_exact(f, w);
}

/* --- photos --- */

#define JPEG (1U << STREAM_JPEG)

/* Of the links, in bytes a second; what ACKs say here is nothing to go by. */
static size_t link_rate;

static size_t get_link_rate(const struct member *member)
{
	(void)member;
	return link_rate;
}

static void get_link_limits(
	const struct member *member, usec_t now, size_t *ret_frame, size_t *ret_piece)
{
	(void)member;
	(void)now;
	*ret_frame = link_rate / 25;
	*ret_piece = link_rate / 50;
}

static void watch_photo(struct fixture *f, struct watcher *w)
{
	static struct member_events events;

	watch(f, w, JPEG);
	events = *w->pacer.member.events;
	events.get_rate = get_link_rate;
	events.get_limits = get_link_limits;
	w->pacer.member.events = &events;
}

static void watch_photos(struct fixture *f, unsigned n, size_t rate)
{
	link_rate = rate;
	for (; f->n_watchers < n; f->n_watchers++)
		watch_photo(f, &f->watchers[f->n_watchers]);
}

static unsigned n_spoilt(const struct watcher *w)
{
	size_t n = (size_t)w->picture.width * w->picture.height;
	unsigned n_spoilt = 0;

	for (size_t i = 0; i < n; i++)
		n_spoilt += w->picture.pixels[i] == SPOILT;
	return n_spoilt;
}

static bool is_exact(const struct fixture *f, const struct watcher *w)
{
	size_t n = (size_t)f->scene.width * f->scene.height;

	for (size_t i = 0; i < n; i++) {
		if (w->picture.pixels[i] != (f->scene.pixels[i] & COLOUR))
			return false;
	}
	return true;
}

/* One message for each who has one; then what time brings. */
static void step(struct fixture *f)
{
	for (unsigned i = 0; i < f->n_watchers; i++) {
		if (f->hold.worker)
			try_take(f, &f->watchers[i]);
		else
			take(f, &f->watchers[i]);
		if (can_ack(&f->watchers[i]))
			ack(&f->watchers[i]);
	}
	assert_true(sd_event_run(f->event, 0) >= 0);
}

static bool all_are_exact(const struct fixture *f)
{
	for (unsigned i = 0; i < f->n_watchers; i++) {
		if (!is_exact(f, &f->watchers[i]))
			return false;
	}
	return true;
}

/* Until all see what the scene has. */
static void come_to_rest(struct fixture *f)
{
	usec_t limit = clock_now() + HANGS;

	while (!all_are_exact(f)) {
		assert_true(clock_now() < limit);
		step(f);
	}
}

static void await_pictures(struct fixture *f, unsigned n)
{
	usec_t limit = clock_now() + HANGS;

	while (f->watchers[0].n_pictures < n) {
		assert_true(clock_now() < limit);
		step(f);
	}
}

static void test_over_a_slow_link_photos_come_as_pictures_and_become_exact(void **state)
{
	struct fixture *f = *state;
	struct watcher *a = &f->watchers[0];

	fill_all(f, 10);
	watch_photos(f, 2, 500 * 1000);
	come_to_rest(f);
	assert_int_equal(a->n_pictures, 0); /* this was none */
	fill_all(f, 300);
	await_pictures(f, 3);
	assert_true(n_spoilt(a) > 64 * 64);
	come_to_rest(f);
	assert_true(f->watchers[1].n_pictures > 3);
	/* And nothing is due any more, however long it rests. */
	while (sd_event_run(f->event, 2 * ENCODE_REST_USEC) > 0)
		step(f);
	assert_false(pacer_is_due(&a->pacer));
	assert_true(is_exact(f, a));
}

static void test_over_a_fast_link_no_picture_ever_comes(void **state)
{
	struct fixture *f = *state;

	watch_photos(f, 2, 100 * 1000 * 1000);
	for (int i = 0; i < 3; i++) {
		fill_all(f, 300);
		come_to_rest(f);
	}
	assert_int_equal(f->watchers[0].n_pictures, 0);
	assert_int_equal(f->watchers[1].n_pictures, 0);
}

/* NET-01: so does what is typed into a photo that goes on becoming exact. */
static void test_an_echo_finds_its_way_through_a_photo(void **state)
{
	struct fixture *f = *state;
	struct watcher *w = &f->watchers[0];
	struct rect key = rect_sized(880, 280, 10, 10);
	size_t at = (size_t)285 * WIDTH + 885;
	usec_t limit = clock_now() + HANGS;

	watch_photos(f, 1, 500 * 1000);
	come_to_rest(f);
	fill_all(f, 300);
	await_pictures(f, 2);
	for (int i = 0; i < 20; i++) {
		uint32_t seq = w->seq;

		fill(f, &key, 1);
		while (w->more || w->seq - seq < 3) {
			assert_true(clock_now() < limit);
			if (w->picture.pixels[at] == (f->scene.pixels[at] & COLOUR))
				break;
			step(f);
		}
		/* Where its tile is just being coded it has to wait for that. */
		if (!photo_is_coding(&w->pacer.member.group->photo, &key))
			assert_int_equal(
				w->picture.pixels[at], f->scene.pixels[at] & COLOUR);
		step(f);
	}
	come_to_rest(f);
}

/* Takes and acknowledges all that comes of one step of a drag; returns its bytes. */
static size_t drag_on(struct fixture *f, int x)
{
	struct watcher *w = &f->watchers[0];
	size_t n = 0;

	move(f, x, 0, 400, 200, 4, 0);
	while (take(f, w)) {
		n += w->n_body;
		if (can_ack(w))
			ack(w);
	}
	return n;
}

/* It has come as pictures, and is not exact yet: that it moves is all that is sent. */
static void test_a_photo_that_is_dragged_goes_as_moves(void **state)
{
	struct fixture *f = *state;
	struct watcher *w = &f->watchers[0];
	const struct photo *photo;
	struct rect window = { 0, 0, 400, 200 };
	usec_t limit = clock_now() + HANGS;
	unsigned n_pictures;
	size_t n = 0;

	fill_all(f, 10);
	watch_photos(f, 1, 500 * 1000);
	come_to_rest(f);
	fill(f, &window, 300);
	photo = &w->pacer.member.group->photo;
	while (photo_awaits(photo, &window) || w->n_pictures == 0) {
		assert_true(clock_now() < limit);
		step(f);
	}
	n_pictures = w->n_pictures;
	for (int x = 4; x <= 400; x += 4)
		n += drag_on(f, x);
	assert_int_equal(w->n_pictures, n_pictures);
	assert_true(n < 20 * 1000); /* of 240 kB that the window has */
	assert_true(n_spoilt(w) > 300 * 150);
	come_to_rest(f);
}

/* Two of them in one frame, which cannot be made one: what waits is where the second took it. */
static void test_a_photo_that_waits_and_is_moved_twice_is_exact(void **state)
{
	struct fixture *f = *state;
	struct watcher *w = &f->watchers[0];
	struct rect window = { 0, 0, 400, 200 }, tile = { 320, 128, 384, 192 };

	watch_photos(f, 1, 500 * 1000);
	come_to_rest(f);
	fill(f, &window, 300);
	assert_true(take(f, w));
	assert_true(photo_awaits(&w->pacer.member.group->photo, &tile));
	assert_false(photo_is_coding(&w->pacer.member.group->photo, &tile));
	move(f, 500, 0, 64, 64, 500 - tile.left, 0 - tile.top);
	move(f, 650, 50, 200, 200, 200, 50);
	assert_int_equal(w->pacer.member.group->view.n_moves, 2);
	come_to_rest(f);
}

static void test_films_make_room_for_an_echo_that_has_no_way_of_its_own(void **state)
{
	struct fixture *f = *state;
	struct pacer *pacer = &f->watchers[0].pacer;
	usec_t now = clock_now();

	watch_photos(f, 1, 500 * 1000);
	pacer_await_echo(pacer, now);
	assert_int_equal(pacer->member.events->get_echo(&pacer->member), now + PACER_ECHO_USEC);
	pacer->has_twin = true;
	assert_int_equal(pacer->member.events->get_echo(&pacer->member), 0);
	come_to_rest(f);
}

static void do_something_with_photos(struct fixture *f, unsigned i)
{
	struct random *random = &f->random;
	struct rect box = rect_sized(random_below(random, 12) * 60, random_below(random, 3) * 60,
		64 + random_below(random, 200), 64 + random_below(random, 100));
	struct rect screen = { 0, 0, (int)f->scene.width, (int)f->scene.height };

	box = rect_intersect(&box, &screen);
	switch (random_below(random, 6)) {
	case 0:
		if (!rect_is_empty(&box))
			fill(f, &box, random_below(random, 3) ? 300 : 3);
		break;
	case 1:
	case 2:
		/* Whoever comes decodes nothing, and goes as well. */
		do_something(f, i);
		break;
	default:
		step(f);
		break;
	}
	if (random_below(random, 20) == 0) {
		link_rate = random_below(random, 4) ? 400 * 1000 : 100 * 1000 * 1000;
		/* It is an ACK that tells of another rate, and asks whether something is due. */
		for (unsigned n = 0; n < f->n_watchers; n++)
			f->watchers[n].woken = true;
	}
}

static void test_photos_are_exact_after_any_order_of_events(void **state)
{
	struct fixture *f = *state;
	unsigned n_pictures = 0;

	for (unsigned turn = 0; turn < 8; turn++) {
		while (f->n_watchers > 0) {
			n_pictures += f->watchers[--f->n_watchers].n_pictures;
			unwatch(&f->watchers[f->n_watchers]);
		}
		watch_photos(f, N_WATCHERS, 400 * 1000);
		for (unsigned i = 0; i < 200; i++)
			do_something_with_photos(f, i);
		let_go(f);
		come_to_rest(f);
		while (sd_event_run(f->event, 2 * ENCODE_REST_USEC) > 0)
			step(f);
		assert_true(all_are_exact(f));
	}
	assert_true(n_pictures > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(viewers_in_step_are_sent_the_same_bytes),
		TEST(who_has_taken_all_is_up_to_date_until_something_changes),
		TEST(no_frame_begins_while_the_scene_settles),
		TEST(viewers_who_decode_other_things_are_apart),
		TEST(who_is_not_ready_is_left_behind_after_a_moment),
		TEST(who_is_ready_in_time_stays),
		TEST(who_comes_into_step_again_shares_again),
		TEST(patience_is_doubled_up_to_a_limit),
		TEST(late_joiner_gets_all_and_the_others_nothing_of_it),
		TEST(members_take_the_pieces_of_a_frame_at_their_own_pace),
		TEST(who_is_many_pieces_behind_goes_on_alone),
		TEST(leaving_in_the_middle_of_a_frame_is_nobodys_business),
		TEST(new_screen_between_the_pieces),
		TEST(the_largest_screen_comes_in_pieces_and_the_smallest_in_one),
		TEST(no_piece_keeps_the_others_waiting_for_long),
		TEST(while_a_piece_is_compressed_only_one_more_is_made),
		TEST(who_is_apart_does_not_wait_for_what_is_compressed),
		TEST(all_may_leave_while_a_piece_is_compressed),
		TEST(those_who_stay_have_what_was_compressed),
		TEST(who_is_left_behind_gets_what_was_being_compressed),
		TEST(new_screen_while_a_piece_is_compressed),
		TEST(coming_into_step_while_what_is_void_is_compressed),
		TEST(without_memory_in_a_thread_all_its_viewers_must_go),
		TEST(without_threads_all_is_compressed_at_once),
		TEST(moves_go_before_tiles_and_cost_little),
		TEST(more_moves_than_a_frame_may_have_become_tiles),
		TEST(moves_in_the_middle_of_a_frame),
		TEST(at_rest_what_has_moved_is_remembered),
		TEST(all_see_the_screen_after_any_order_of_events),
		TEST(over_a_slow_link_frames_are_small_and_what_is_new_goes_first),
		TEST(acks_of_what_was_not_sent_or_twice_are_nonsense),
		cmocka_unit_test_setup_teardown(
			test_after_a_film_with_moves_all_is_exact, setup_with_video, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_film_that_ends_before_its_last_picture_has_gone_is_exact,
			setup_with_video, teardown),
		PHOTO_TEST(over_a_slow_link_photos_come_as_pictures_and_become_exact),
		PHOTO_TEST(over_a_fast_link_no_picture_ever_comes),
		PHOTO_TEST(an_echo_finds_its_way_through_a_photo),
		PHOTO_TEST(a_photo_that_is_dragged_goes_as_moves),
		PHOTO_TEST(a_photo_that_waits_and_is_moved_twice_is_exact),
		PHOTO_TEST(films_make_room_for_an_echo_that_has_no_way_of_its_own),
		PHOTO_TEST(photos_are_exact_after_any_order_of_events),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
