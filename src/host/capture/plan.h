/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Which rectangles to read for a set of dirty tiles. A request costs as much
 * as some ten thousand pixels: boxes of neighbouring tiles are read together,
 * though this reads a little more than is dirty.
 */

#include <stddef.h>

#include "host/scene/region.h"

/**
 * plan_take() - move dirty tiles from a region into rectangles
 * @n_max:      rectangles at most
 * @pixels_max: pixels at most; one row of tiles always fits
 *
 * Returns the number of rectangles. They do not overlap, cover what was taken, and what found
 * no room stays in @region.
 */
size_t plan_take(
	struct region *region, struct rect *ret_rects, size_t n_max, size_t pixels_max);
