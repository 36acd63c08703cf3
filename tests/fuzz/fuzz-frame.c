/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rectangles of a frame, both ways: arbitrary bytes are decoded onto a small
 * screen; then every tile of what they painted, encoded and decoded again,
 * must give the same screen.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "host/encode/tile.h"
#include "wire/stream.h"

#define WIDTH 70
#define HEIGHT 67

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check_round_trip(const uint32_t *picture)
{
	static const struct rect tiles[] = { { 0, 0, 64, 64 }, { 64, 0, WIDTH, 64 },
		{ 0, 64, 64, HEIGHT }, { 64, 64, WIDTH, HEIGHT } };
	uint32_t copy[HEIGHT * WIDTH] = { 0 };
	uint8_t out[STREAM_RECT_MAX];

	for (size_t i = 0; i < sizeof(tiles) / sizeof(tiles[0]); i++) {
		const struct rect *at = &tiles[i];
		size_t n = tile_write(out, at, picture + at->top * WIDTH + at->left, WIDTH);

		assert(n <= sizeof(out));
		assert(stream_decode_rects(out, n, copy, WIDTH, HEIGHT) == 0);
	}
	assert(memcmp(copy, picture, sizeof(copy)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	uint32_t picture[HEIGHT * WIDTH] = { 0 };

	stream_decode_rects(bytes, n, picture, WIDTH, HEIGHT);
	check_round_trip(picture);
	return 0;
}
