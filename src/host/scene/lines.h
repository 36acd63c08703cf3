/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Hashes of rows and columns of pixels within a tile: equal lines have equal hashes, whatever
 * their undefined bytes. Only for guesses: whoever draws can make different ones equal.
 */

#include <stddef.h>
#include <stdint.h>

#include "host/scene/region.h"

/* @n: pixels, at most those of a tile. */
uint32_t lines_hash_row(const uint32_t *pixels, size_t n);

/* Each column of a rectangle of at most a tile. */
void lines_hash_columns(const uint32_t *pixels, size_t stride, int width, int height,
	uint32_t ret[REGION_TILE_PX]);
