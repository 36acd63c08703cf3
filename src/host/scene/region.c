/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/scene/region.h"

#include <errno.h>

#include "base/mem.h"

#define TILE REGION_TILE_PX
#define BITS 64

int region_init(struct region *self, unsigned width, unsigned height)
{
	struct region region = {
		.width = width,
		.height = height,
		.columns = (width + TILE - 1) / TILE,
		.rows = (height + TILE - 1) / TILE,
	};

	region.words = (region.columns + BITS - 1) / BITS;
	if (width == 0 || height == 0) {
		*self = (struct region){ 0 };
		return 0;
	}
	region.bits = mem_alloc((size_t)region.rows * region.words, sizeof(*region.bits));
	region.boxes = mem_alloc((size_t)region.rows * region.columns, sizeof(*region.boxes));
	if (!region.bits || !region.boxes) {
		region_finish(&region);
		return -ENOMEM;
	}
	*self = region;
	return 0;
}

void region_finish(struct region *self)
{
	free(self->bits);
	free(self->boxes);
	*self = (struct region){ 0 };
}

static uint64_t *bits_of(const struct region *self, size_t tile)
{
	size_t row = tile / self->columns, column = tile % self->columns;

	return &self->bits[row * self->words + column / BITS];
}

/* Grows the box of one tile; @box is in the tile's own coordinates. */
static void add_box(struct region *self, size_t tile, const struct rect *box)
{
	struct region_box *have = &self->boxes[tile];
	struct rect sum = *box;

	if (have->right) {
		struct rect old = { have->left, have->top, have->right, have->bottom };

		sum = rect_unite(&old, box);
	} else {
		*bits_of(self, tile) |= UINT64_C(1) << (tile % self->columns % BITS);
		self->n_dirty++;
	}
	*have = (struct region_box){ (uint8_t)sum.left, (uint8_t)sum.top, (uint8_t)sum.right,
		(uint8_t)sum.bottom };
}

void region_add(struct region *self, const struct rect *rect)
{
	struct rect screen = { 0, 0, (int)self->width, (int)self->height };
	struct rect r = rect_intersect(rect, &screen);

	if (rect_is_empty(&r))
		return;
	for (int row = r.top / TILE; row <= (r.bottom - 1) / TILE; row++) {
		for (int column = r.left / TILE; column <= (r.right - 1) / TILE; column++) {
			struct rect tile = rect_sized(column * TILE, row * TILE, TILE, TILE);
			struct rect box = rect_intersect(&r, &tile);

			box.left -= tile.left;
			box.right -= tile.left;
			box.top -= tile.top;
			box.bottom -= tile.top;
			add_box(self, (size_t)row * self->columns + (size_t)column, &box);
		}
	}
}

void region_add_all(struct region *self)
{
	struct rect screen = { 0, 0, (int)self->width, (int)self->height };

	region_add(self, &screen);
}

void region_add_region(struct region *self, const struct region *other)
{
	struct rect box;
	size_t tile = 0;

	while (region_next(other, &tile, &box))
		region_add(self, &box);
}

void region_add_shifted(struct region *self, const struct region *other,
	const struct rect *from, int dx, int dy)
{
	struct rect box;
	size_t tile = 0;

	while (region_next(other, &tile, &box)) {
		box = rect_intersect(&box, from);
		if (rect_is_empty(&box))
			continue;
		box = rect_shifted(&box, dx, dy);
		region_add(self, &box);
	}
}

void region_clear(struct region *self)
{
	struct rect ignored;
	size_t tile = 0;

	while (region_take(self, &tile, &ignored))
		;
}

/* The first dirty tile at or behind @tile; false when there is none. */
static bool find_dirty(const struct region *self, size_t tile, size_t *ret)
{
	size_t row, word;
	uint64_t mask;

	if (self->n_dirty == 0)
		return false;
	row = tile / self->columns;
	word = tile % self->columns / BITS;
	mask = ~UINT64_C(0) << (tile % self->columns % BITS);
	for (; row < self->rows; row++, word = 0) {
		for (; word < self->words; word++, mask = ~UINT64_C(0)) {
			uint64_t bits = self->bits[row * self->words + word] & mask;

			if (!bits)
				continue;
			*ret = row * self->columns + word * BITS + (size_t)__builtin_ctzll(bits);
			return true;
		}
	}
	return false;
}

bool region_at(const struct region *self, size_t tile, struct rect *ret)
{
	const struct region_box *box = &self->boxes[tile];
	int x = (int)(tile % self->columns) * TILE;
	int y = (int)(tile / self->columns) * TILE;

	if (!box->right)
		return false;
	*ret = (struct rect){ x + box->left, y + box->top, x + box->right, y + box->bottom };
	return true;
}

bool region_touches(const struct region *self, const struct rect *rect)
{
	struct rect box;

	if (self->n_dirty == 0 || rect_is_empty(rect))
		return false;
	for (int row = rect->top / TILE; row <= (rect->bottom - 1) / TILE; row++) {
		for (int column = rect->left / TILE; column <= (rect->right - 1) / TILE;
			column++) {
			size_t tile = (size_t)row * self->columns + (size_t)column;

			if (!region_at(self, tile, &box))
				continue;
			box = rect_intersect(&box, rect);
			if (!rect_is_empty(&box))
				return true;
		}
	}
	return false;
}

bool region_next(const struct region *self, size_t *tile, struct rect *ret)
{
	size_t found;

	if (!find_dirty(self, *tile, &found))
		return false;
	*tile = found + 1;
	return region_at(self, found, ret);
}

static void clean(struct region *self, size_t tile)
{
	*bits_of(self, tile) &= ~(UINT64_C(1) << (tile % self->columns % BITS));
	self->boxes[tile] = (struct region_box){ 0 };
	self->n_dirty--;
}

void region_remove(struct region *self, const struct rect *rect)
{
	struct rect box, rest[RECT_REST_MAX];
	size_t tile = 0;

	while (region_next(self, &tile, &box)) {
		struct rect both = rect_intersect(&box, rect);
		unsigned n;

		if (rect_is_empty(&both))
			continue;
		clean(self, tile - 1);
		n = rect_subtract(&box, &both, rest);
		while (n > 0)
			region_add(self, &rest[--n]);
	}
}

bool region_take(struct region *self, size_t *tile, struct rect *ret)
{
	if (!region_next(self, tile, ret))
		return false;
	clean(self, *tile - 1);
	return true;
}
