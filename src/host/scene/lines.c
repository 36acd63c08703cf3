/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/scene/lines.h"

#include <string.h>

#include "host/scene/pixels.h"

#define TILE REGION_TILE_PX

/* Random and odd: a pixel's weight in its place. */
/* clang-format off */
static const uint32_t weights[TILE] = {
	0x9f767c45, 0x4164d839, 0xbde5c099, 0x5bc8fbbd, 0xcb91ce37, 0xb0c11fdf, 0xf1446beb,
	0xd76d4331, 0xbd69fe29, 0xa6eb8c9f, 0xec1d7da1, 0x87b0b125, 0x076ce2ef, 0xd7210dff,
	0x77330bdb, 0xc6a53877, 0xf17fd375, 0x3fc1ea37, 0xa6233255, 0x0d464139, 0xe6a16a3b,
	0x2827688d, 0x1cfb10f7, 0x5f2dd97f, 0x7814e8a3, 0xde527101, 0x3f1f65a9, 0x617959cf,
	0x8b33e969, 0x1a1afe87, 0x92edcf45, 0x3fd42359, 0x035b7399, 0xbb2edb21, 0x377b9aa3,
	0x687c966d, 0x478c281d, 0x2e9c82b1, 0xea959c21, 0xde11cc9d, 0xc4069545, 0x63b229f1,
	0x28dbd25f, 0xc30d8b77, 0xcc11d357, 0x126a1e49, 0x238642eb, 0x9e30691d, 0x9e115e4b,
	0x71e0c07f, 0x206f5c67, 0x21da8979, 0x00745131, 0xf8eb18b9, 0xdf1461ab, 0x015c33b3,
	0x359eeefb, 0xc60a3cab, 0x3729c619, 0xf5cae3bf, 0xfb7ff337, 0x2a759159, 0xdf561d81,
	0x2a9eba0d,
};
/* clang-format on */

static inline uint32_t sum(const uint32_t *pixels, size_t n)
{
	uint32_t hash = 0;

	for (size_t i = 0; i < n; i++)
		hash += (pixels[i] & PIXELS_COLOUR) * weights[i];
	return hash;
}

/* A count that the compiler knows is one that it makes vectors of. */
uint32_t lines_hash_row(const uint32_t *pixels, size_t n)
{
	return n == TILE ? sum(pixels, TILE) : sum(pixels, n);
}

static inline void weigh(const uint32_t *row, size_t n, uint32_t weight, uint32_t sums[TILE])
{
	for (size_t x = 0; x < n; x++)
		sums[x] += (row[x] & PIXELS_COLOUR) * weight;
}

void lines_hash_columns(
	const uint32_t *pixels, size_t stride, int width, int height, uint32_t ret[TILE])
{
	memset(ret, 0, TILE * sizeof(*ret));
	for (int y = 0; y < height; y++) {
		if (width == TILE)
			weigh(pixels, TILE, weights[y], ret);
		else
			weigh(pixels, (size_t)width, weights[y], ret);
		pixels += stride;
	}
}
