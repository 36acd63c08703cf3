/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/scene/captured.h"

#include <errno.h>

#include "base/mem.h"

#define TILE REGION_TILE_PX

void captured_init(struct captured *self)
{
	*self = (struct captured){ 0 };
}

void captured_finish(struct captured *self)
{
	free(self->parts);
	free(self->tiles);
	captured_init(self);
}

int captured_resize(struct captured *self, unsigned width, unsigned height)
{
	int columns = (int)((width + TILE - 1) / TILE),
	    rows = (int)((height + TILE - 1) / TILE);

	captured_finish(self);
	if (columns == 0 || rows == 0)
		return 0;
	self->tiles = mem_alloc((size_t)rows * (size_t)columns, sizeof(*self->tiles));
	if (!self->tiles)
		return -ENOMEM;
	self->columns = columns;
	self->rows = rows;
	return 0;
}

static uint32_t *tile_of(const struct captured *self, const struct part *part)
{
	return &self->tiles[part->at.top / TILE * self->columns + part->at.left / TILE];
}

/* Room for one more run. */
static int make_room(struct captured *self)
{
	struct part *parts;
	size_t n = 2 * self->n_room + PART_RUN_MAX;

	if (self->n_parts + PART_RUN_MAX <= self->n_room)
		return 0;
	parts = mem_resize(self->parts, n, sizeof(*parts));
	if (!parts)
		return -ENOMEM;
	self->parts = parts;
	self->n_room = n;
	return 0;
}

/* Returns how many pixels they have. */
static size_t add_run(struct captured *self, const struct scene *scene, size_t n)
{
	struct part *parts = self->parts + self->n_parts;
	size_t area = 0;

	part_compare(parts, n, scene);
	for (size_t i = 0; i < n; i++) {
		uint32_t *tile = self->columns > 0 ? tile_of(self, &parts[i]) : NULL;

		area += rect_area(&parts[i].at);
		if (tile && !*tile)
			*tile = (uint32_t)(self->n_parts + i + 1);
	}
	self->n_parts += n;
	return area;
}

/* Of the first patch; nothing is left of it when it returns 0. */
static size_t cut(
	struct captured *self, const struct scene *scene, struct captured_rest *rest)
{
	const struct patch *patch = rest->patches;
	struct rect screen = { 0, 0, (int)scene->width, (int)scene->height };
	struct rect visible = rect_intersect(&patch->at, &screen);
	size_t n = 0;

	if (!rest->begun)
		rest->place = (struct part_place){ visible.left, visible.top };
	if (!rect_is_empty(&visible))
		n = part_cut(patch, &visible, &rest->place, self->parts + self->n_parts);
	rest->begun = n > 0;
	if (n > 0)
		return add_run(self, scene, n);
	rest->patches++;
	rest->n--;
	return 0;
}

ssize_t captured_fill(struct captured *self, const struct scene *scene,
	struct captured_rest *rest, size_t max_px)
{
	size_t px = 0;

	while (rest->n > 0 && px < max_px) {
		if (make_room(self) < 0) {
			captured_clear(self);
			return -ENOMEM;
		}
		px += cut(self, scene, rest);
	}
	return (ssize_t)px;
}

void captured_clear(struct captured *self)
{
	for (size_t i = 0; i < self->n_parts && self->columns > 0; i++)
		*tile_of(self, &self->parts[i]) = 0;
	self->n_parts = 0;
}

struct part *captured_at(const struct captured *self, int column, int row)
{
	uint32_t index;

	if (column < 0 || row < 0 || column >= self->columns || row >= self->rows)
		return NULL;
	index = self->tiles[row * self->columns + column];
	return index ? &self->parts[index - 1] : NULL;
}

size_t captured_changed(const struct captured *self, struct rect *ret)
{
	size_t area = 0;

	for (size_t i = 0; i < self->n_parts; i++) {
		struct rect box = part_box(&self->parts[i]);

		if (rect_is_empty(&box))
			continue;
		*ret = area ? rect_unite(ret, &box) : box;
		area += rect_area(&box);
	}
	return area;
}

size_t captured_changed_in(const struct captured *self, const struct rect *rect)
{
	size_t area = 0;

	for (size_t i = 0; i < self->n_parts; i++) {
		struct rect box = part_box(&self->parts[i]);
		struct rect both = rect_intersect(&box, rect);

		if (!rect_is_empty(&both))
			area += rect_area(&both);
	}
	return area;
}

bool captured_covers(const struct captured *self, const struct rect *rect)
{
	size_t area = 0;

	for (size_t i = 0; i < self->n_parts; i++) {
		struct rect both = rect_intersect(&self->parts[i].at, rect);

		if (!rect_is_empty(&both))
			area += rect_area(&both);
	}
	return area == rect_area(rect);
}
