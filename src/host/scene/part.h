/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What of a patch lies in one tile of the screen: the unit in which captured pixels are
 * compared with the shadow. A row of it is one bit.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/scene/patch.h"
#include "host/scene/rect.h"
#include "host/scene/region.h"

struct scene;

/* Bit 0 is the uppermost row of @at. */
struct part {
	struct rect at;
	const uint32_t *pixels; /* captured, of the left top corner */
	size_t stride;
	uint64_t changed; /* rows that differ from the shadow; */
	int left, right;  /* in the columns between these only, counted in @at, when any does */

	/* For match.h, of the vector that is tried. */
	uint64_t moved;	 /* rows that the shadow has at its distance */
	uint64_t wanted; /* rows that have changed where something may have moved to */
	uint64_t taken;	 /* rows for which that is settled */
};

_Static_assert(REGION_TILE_PX == 64, "a bit for each row");

#define PART_RUN_MAX 32

/* Where cutting goes on. */
struct part_place {
	int x;
	int y;
};

/* The rows from @top to @bottom, as far as the part has them. */
static inline uint64_t part_rows(const struct part *self, int top, int bottom)
{
	int from = top > self->at.top ? top - self->at.top : 0;
	int to = (bottom < self->at.bottom ? bottom : self->at.bottom) - self->at.top;

	return to > from ? ~UINT64_C(0) >> (64 - (to - from)) << from : 0;
}

/* What differs from the shadow; empty when nothing does. */
struct rect part_box(const struct part *self);

/**
 * part_cut() - the next parts of a patch, which stand side by side in one row of tiles
 * @visible:  of the patch: the part that lies on the screen
 * @place:    left top of @visible at first
 *
 * Returns how many; 0 at the end. They are not compared yet.
 */
size_t part_cut(const struct patch *patch, const struct rect *visible, struct part_place *place,
	struct part ret[PART_RUN_MAX]);

/* Sets what has changed of parts that stand side by side. */
void part_compare(struct part *parts, size_t n, const struct scene *scene);
