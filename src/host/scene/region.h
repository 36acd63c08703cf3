/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * A set of dirty pixels, kept as one bounding box in each 64x64 tile of the
 * screen: it never forgets a pixel that was added, may hold more of the same
 * tile, and neither its size nor the cost of adding grows with the number of
 * additions. Adding touches the tiles that the rectangle covers; walking
 * touches the dirty tiles, beside one bit of each other.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/scene/rect.h"

#define REGION_TILE_PX 64

/* Within a tile; as in struct rect, 0 wide when clean. */
struct region_box {
	uint8_t left;
	uint8_t top;
	uint8_t right;
	uint8_t bottom;
};

struct region {
	unsigned width;
	unsigned height;
	unsigned columns;
	unsigned rows;
	unsigned words; /* of dirty bits in each row */
	uint64_t *bits; /* rows x words */
	struct region_box *boxes; /* rows x columns */
	size_t n_dirty;	   /* tiles */
};

/* Empty, for a screen of this size (0x0 is none). -ENOMEM; @self then needs no finish. */
int region_init(struct region *self, unsigned width, unsigned height);
void region_finish(struct region *self);

/* What lies outside the screen is ignored. */
void region_add(struct region *self, const struct rect *rect);
void region_add_all(struct region *self);
void region_add_region(struct region *self, const struct region *other);
void region_clear(struct region *self);

/* What @other, which is not @self, has in @from is added at a distance of (@dx, @dy). */
void region_add_shifted(struct region *self, const struct region *other,
	const struct rect *from, int dx, int dy);

/* What lies in @rect is clean; of a tile that has more the bounding box of that stays. */
void region_remove(struct region *self, const struct rect *rect);

static inline bool region_is_empty(const struct region *self)
{
	return self->n_dirty == 0;
}

/* The box of the tile of this number, row by row. False: it is clean. */
bool region_at(const struct region *self, size_t tile, struct rect *ret);

/* Does one of the boxes touch @rect, which lies on the screen? */
bool region_touches(const struct region *self, const struct rect *rect);

/**
 * region_next() - the next dirty tile's box, row by row
 * @tile:  where to begin looking; moved behind the tile found. Starts at 0
 *
 * Returns false when there are no more. Tiles may be added and taken on the way.
 */
bool region_next(const struct region *self, size_t *tile, struct rect *ret);

/* As region_next(), and the tile is clean from then on. */
bool region_take(struct region *self, size_t *tile, struct rect *ret);
