/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/echo.h"

#include "host/encode/tile.h"

void echo_init(struct echo *self, struct scene *scene)
{
	*self = (struct echo){ .scene = scene, .credit = ECHO_BURST };
}

static void stop(struct echo *self)
{
	if (self->is_on)
		scene_remove_view(&self->view);
	self->is_on = false;
}

void echo_finish(struct echo *self)
{
	stop(self);
	if (self->has_deflater)
		deflater_finish(&self->deflater);
	*self = (struct echo){ 0 };
}

void echo_start(struct echo *self, usec_t until)
{
	if (!self->scene)
		return;
	self->until = until;
	if (self->is_on || scene_add_view(self->scene, &self->view) < 0)
		return;
	self->is_on = true;
	region_clear(&self->view.dirty);
}

bool echo_handle_damage(struct echo *self, usec_t now)
{
	if (self->is_on && (self->view.lost || now >= self->until))
		stop(self);
	return self->is_on && !scene_view_is_empty(&self->view);
}

/* --- what is in it --- */

/* A list of the smallest, in their order. */
struct smallest {
	struct rect rects[ECHO_RECTS_MAX];
	size_t n;
};

static void add(struct smallest *self, const struct rect *rect)
{
	size_t i = self->n < ECHO_RECTS_MAX ? self->n++ : self->n;

	for (; i > 0 && rect_area(&self->rects[i - 1]) > rect_area(rect); i--) {
		if (i < ECHO_RECTS_MAX)
			self->rects[i] = self->rects[i - 1];
	}
	if (i < ECHO_RECTS_MAX)
		self->rects[i] = *rect;
}

static void find_smallest(struct echo *self, const struct member *member, struct smallest *ret)
{
	struct region *dirty = &self->view.dirty;
	struct rect box;
	size_t tile = 0;

	ret->n = 0;
	scene_view_flatten(&self->view, 0);
	member_exclude_films(member, dirty);
	while (region_take(dirty, &tile, &box))
		add(ret, &box);
}

static int deflate_rects(
	struct echo *self, const struct rect *rects, size_t n, uint8_t **ret, size_t *ret_n)
{
	uint8_t bytes[STREAM_RECT_MAX];
	int r = 0;

	deflater_restart(&self->deflater);
	for (size_t i = 0; i < n && r == 0; i++) {
		const uint32_t *pixels = scene_at(self->scene, rects[i].left, rects[i].top);

		r = deflater_add(&self->deflater, bytes,
			tile_write(bytes, &rects[i], pixels, self->scene->width), false);
	}
	return r < 0 ? r : deflater_take(&self->deflater, ret, ret_n);
}

/* As many of the list as go into one packet, and its body; *@ret_n is 0 when none does. */
static int make(struct echo *self, struct smallest *list, uint8_t **ret, size_t *ret_n)
{
	int r = self->has_deflater ? 0 : deflater_init(&self->deflater);

	*ret_n = 0;
	if (r < 0)
		return r;
	self->has_deflater = true;
	for (; list->n > 0; list->n /= 2) {
		r = deflate_rects(self, list->rects, list->n, ret, ret_n);
		if (r < 0 || *ret_n <= ECHO_MAX)
			return r;
	}
	*ret_n = 0;
	return 0;
}

/* --- how much of the link --- */

static void fill_credit(struct echo *self, size_t rate, usec_t now)
{
	usec_t passed = now - self->filled;
	size_t more = rate ? rate / ECHO_RATE_PART : ECHO_RATE;

	if (passed < USEC_PER_SEC)
		more = more * passed / USEC_PER_SEC;
	self->credit += more;
	if (self->credit > ECHO_BURST)
		self->credit = ECHO_BURST;
	self->filled = now;
}

size_t echo_make(
	struct echo *self, struct member *member, size_t rate, usec_t now, uint8_t **ret)
{
	struct smallest list;
	size_t n;

	if (!echo_handle_damage(self, now))
		return 0;
	find_smallest(self, member, &list);
	fill_credit(self, rate, now);
	if (self->credit < ECHO_MAX)
		return 0;
	if (make(self, &list, ret, &n) < 0) {
		echo_finish(self); /* no memory */
		return 0;
	}
	for (size_t i = 0; i < list.n; i++)
		member_forget(member, &list.rects[i]);
	self->credit -= n;
	return n;
}
