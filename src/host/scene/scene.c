/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/scene/scene.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

#define SHIFTED_MAX 1024 /* dirty tiles that a move takes along */

void scene_init(struct scene *self)
{
	*self = (struct scene){ 0 };
	list_init(&self->views);
}

void scene_finish(struct scene *self)
{
	free(self->pixels);
	self->pixels = NULL;
}

static void resize_views(struct scene *self)
{
	struct scene_view *view;

	list_for_each(view, &self->views, link) {
		region_finish(&view->dirty);
		view->n_moves = 0;
		if (region_init(&view->dirty, self->width, self->height) < 0)
			view->lost = true;
	}
}

int scene_resize(struct scene *self, unsigned width, unsigned height)
{
	int r = 0;

	free(self->pixels);
	self->pixels = NULL;
	self->width = 0;
	self->height = 0;
	if (width > 0 && height > 0) {
		self->pixels = mem_alloc((size_t)width * height, sizeof(*self->pixels));
		if (self->pixels) {
			self->width = width;
			self->height = height;
		} else {
			r = -ENOMEM;
		}
	}
	resize_views(self);
	return r;
}

static void copy(
	struct scene *self, const struct rect *box, const uint32_t *pixels, size_t stride)
{
	uint32_t *to = self->pixels + (size_t)box->top * self->width + (size_t)box->left;

	for (int y = box->top; y < box->bottom; y++) {
		memcpy(to, pixels, (size_t)rect_width(box) * sizeof(*to));
		to += self->width;
		pixels += stride;
	}
}

static bool has_changed_all_over(const struct part *part)
{
	struct rect box = part_box(part);

	return rect_contains(&box, &part->at);
}

/* As many as can be copied at once, since their rows go on in each other. */
static size_t count_run(const struct part *parts, size_t n)
{
	size_t run = 1;

	while (run < n && has_changed_all_over(&parts[run - 1])
		&& has_changed_all_over(&parts[run])
		&& parts[run].pixels == parts[run - 1].pixels + rect_width(&parts[run - 1].at)
		&& parts[run].at.top == parts[run - 1].at.top
		&& parts[run].at.left == parts[run - 1].at.right)
		run++;
	return run;
}

static bool take_run(struct scene *self, const struct part *parts, size_t n)
{
	struct rect box = part_box(&parts[0]);
	struct scene_view *view;

	if (rect_is_empty(&box))
		return false;
	box.right = n > 1 ? parts[n - 1].at.right : box.right;
	copy(self, &box,
		parts[0].pixels + (size_t)(box.top - parts[0].at.top) * parts[0].stride
			+ parts[0].left,
		parts[0].stride);
	list_for_each(view, &self->views, link)
		region_add(&view->dirty, &box);
	return true;
}

bool scene_take(struct scene *self, const struct part *parts, size_t n)
{
	bool changed = false;
	size_t run;

	for (size_t i = 0; i < n; i += run) {
		run = count_run(parts + i, n - i);
		changed |= take_run(self, parts + i, run);
	}
	return changed;
}

bool scene_update(
	struct scene *self, const struct rect *at, const uint32_t *pixels, size_t stride)
{
	const struct patch patch = { .at = *at, .pixels = pixels, .stride = stride };
	struct rect screen = { 0, 0, (int)self->width, (int)self->height };
	struct rect visible = rect_intersect(at, &screen);
	struct part_place place = { visible.left, visible.top };
	struct part parts[PART_RUN_MAX];
	bool changed = false;
	size_t n;

	if (rect_is_empty(&visible))
		return false;
	while ((n = part_cut(&patch, &visible, &place, parts)) > 0) {
		part_compare(parts, n, self);
		changed |= scene_take(self, parts, n);
	}
	return changed;
}

/* --- moves --- */

static struct rect source_of(const struct scene_move *move)
{
	return rect_shifted(&move->to, -move->dx, -move->dy);
}

static void move_pixels(struct scene *self, const struct scene_move *move)
{
	struct rect from = source_of(move);
	int height = rect_height(&from);
	size_t n = (size_t)rect_width(&from) * sizeof(*self->pixels);

	for (int i = 0; i < height; i++) {
		/* From the end that is not overwritten before it is read. */
		int y = move->dy > 0 ? height - 1 - i : i;

		memmove(self->pixels + (size_t)(move->to.top + y) * self->width
				+ (size_t)move->to.left,
			scene_at(self, from.left, from.top + y), n);
	}
}

/*
 * Dirty boxes where a move comes from. False: all of it, or too many. If that were so where only
 * most of it is dirty, a viewer who gets a little of a window in each frame, and a move of it
 * before the next, would be sent the same again and again.
 */
static bool find_shifted(const struct region *dirty, const struct rect *from,
	struct rect boxes[SHIFTED_MAX], unsigned *ret_n)
{
	size_t tile = 0, area = 0;
	struct rect box;

	*ret_n = 0;
	while (region_next(dirty, &tile, &box)) {
		box = rect_intersect(&box, from);
		if (rect_is_empty(&box))
			continue;
		area += rect_area(&box);
		if (*ret_n == SHIFTED_MAX || area == rect_area(from))
			return false;
		boxes[(*ret_n)++] = box;
	}
	return true;
}

/*
 * One move instead of two: what both have moved has come all the way at once. What only one of
 * them has is dirty then, and mostly is already: rows that a scroll has exposed, what a window
 * has left. False: it would be too much.
 */
static bool join(struct scene_view *view, const struct scene_move *next)
{
	struct scene_move *last = &view->moves[view->n_moves - 1];
	struct rect shifted = rect_shifted(&last->to, next->dx, next->dy);
	struct rect both = rect_intersect(&next->to, &shifted), rest[2 * RECT_REST_MAX];
	unsigned n;

	if (rect_is_empty(&both)
		|| 4 * (rect_area(&last->to) + rect_area(&next->to)) > 10 * rect_area(&both))
		return false;
	n = rect_subtract(&last->to, &next->to, rest);
	n += rect_subtract(&next->to, &both, rest + n);
	for (unsigned i = 0; i < n; i++)
		region_add(&view->dirty, &rest[i]);
	*last = (struct scene_move){ both, last->dx + next->dx, last->dy + next->dy };
	if (last->dx == 0 && last->dy == 0)
		view->n_moves--;
	return true;
}

static void move_view(struct scene_view *view, const struct scene_move *move)
{
	struct rect boxes[SHIFTED_MAX], from = source_of(move);
	unsigned n;

	if (!find_shifted(&view->dirty, &from, boxes, &n)) {
		region_add(&view->dirty, &move->to);
		return;
	}
	region_remove(&view->dirty, &move->to);
	for (unsigned i = 0; i < n; i++) {
		struct rect box = rect_shifted(&boxes[i], move->dx, move->dy);

		region_add(&view->dirty, &box);
	}
	if (view->n_moves > 0 && join(view, move))
		return;
	if (view->n_moves < SCENE_MOVES_MAX)
		view->moves[view->n_moves++] = *move;
	else
		region_add(&view->dirty, &move->to);
}

void scene_move(struct scene *self, const struct scene_move *move)
{
	struct scene_view *view;

	move_pixels(self, move);
	list_for_each(view, &self->views, link)
		move_view(view, move);
}

/* --- views --- */

void scene_view_flatten(struct scene_view *self, unsigned first)
{
	for (unsigned i = first; i < self->n_moves; i++)
		region_add(&self->dirty, &self->moves[i].to);
	self->n_moves = first;
}

int scene_add_view(struct scene *self, struct scene_view *view)
{
	int r = region_init(&view->dirty, self->width, self->height);

	if (r < 0)
		return r;
	view->lost = false;
	view->n_moves = 0;
	region_add_all(&view->dirty);
	list_append(&self->views, &view->link);
	return 0;
}

void scene_remove_view(struct scene_view *view)
{
	list_remove(&view->link);
	region_finish(&view->dirty);
}
