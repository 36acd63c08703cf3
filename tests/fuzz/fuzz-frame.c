/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Operations of a frame, both ways: arbitrary bytes are done on a small
 * screen; then every tile of what they painted, encoded in every kind that can
 * be and decoded again, must give the same screen.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "host/encode/tile.h"
#include "wire/picture.h"

#define WIDTH 70
#define HEIGHT 67

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* A number that is no kind: as the host chooses. */
static void check_tile(const struct picture *picture, struct picture *copy,
	const struct rect *at, int kind)
{
	const uint32_t *pixels = picture->pixels + at->top * WIDTH + at->left;
	uint8_t out[STREAM_RECT_MAX];
	size_t n = kind > STREAM_DELTA
			   ? tile_write(out, at, pixels, WIDTH)
			   : tile_write_as((enum stream_kind)kind, out, at, pixels, WIDTH);

	assert(n <= sizeof(out));
	if (n == 0)
		return;
	copy->filled = 0;
	memset(copy->pixels, 0x55, sizeof(uint32_t) * WIDTH * HEIGHT);
	assert(picture_apply(copy, out, n) == 0);
	assert(copy->filled == (uint64_t)(rect_width(at) * rect_height(at)));
	for (int y = at->top; y < at->bottom; y++)
		assert(memcmp(copy->pixels + y * WIDTH + at->left,
			       picture->pixels + y * WIDTH + at->left,
			       sizeof(uint32_t) * (size_t)rect_width(at))
			== 0);
}

static void check_round_trip(const struct picture *picture)
{
	static const struct rect tiles[] = { { 0, 0, 64, 64 }, { 64, 0, WIDTH, 64 },
		{ 0, 64, 64, HEIGHT }, { 64, 64, WIDTH, HEIGHT } };
	static struct picture copy;

	assert(picture_resize(&copy, WIDTH, HEIGHT) == 0);
	for (size_t i = 0; i < sizeof(tiles) / sizeof(tiles[0]); i++) {
		for (int kind = 0; kind <= STREAM_DELTA + 1; kind++)
			check_tile(picture, &copy, &tiles[i], kind);
	}
	picture_finish(&copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static struct picture picture;

	assert(picture_resize(&picture, WIDTH, HEIGHT) == 0);
	picture_apply(&picture, bytes, n);
	check_round_trip(&picture);
	picture_finish(&picture);
	return 0;
}
