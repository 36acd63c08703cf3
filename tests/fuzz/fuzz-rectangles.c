/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The page's rectangles beside picture.c, which all other tests see with: whatever the page's
 * worker lets through (web/src/picture/operations.ts) stays where it belongs, and where
 * picture.c takes it, both paint the same.
 */
#include "../../web/wasm/rectangles.c"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/reader.h"
#include "wire/picture.h"

#define WIDTH 70
#define HEIGHT 67
#define N (WIDTH * HEIGHT)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* As the page has it: red in the lowest byte. */
static uint32_t swapped(uint32_t pixel)
{
	return OPAQUE | (pixel & 0xff) << 16 | (pixel & 0xff00) | (pixel >> 16 & 0xff);
}

static size_t body_size(unsigned kind, unsigned n_colours, unsigned width, unsigned height)
{
	unsigned bits = stream_index_bits(n_colours);

	if (kind == STREAM_SOLID)
		return 3;
	if (kind != STREAM_PALETTE)
		return 3 * (size_t)width * height;
	return 1 + 3 * (size_t)n_colours + (width * bits + 7) / 8 * (size_t)height;
}

/* Does one rectangle both ways. False: picture.c does not take it; the rest is of no interest.
 */
static bool check_one(struct reader *reader, struct picture *picture, uint32_t pixels[N])
{
	const uint8_t *start = reader->at;
	unsigned kind = reader_u8(reader), x = reader_u16(reader), y = reader_u16(reader);
	unsigned width = reader_u8(reader) + 1U, height = reader_u8(reader) + 1U, n_colours = 2;
	CLEANUP(free) uint8_t *body = NULL;
	CLEANUP(free) uint32_t *patch = NULL;
	bool is_good;
	size_t n;

	if (reader->failed || kind > STREAM_DELTA || width > STREAM_RECT_PX ||
		height > STREAM_RECT_PX || x + width > WIDTH || y + height > HEIGHT)
		return false;
	if (kind == STREAM_PALETTE)
		n_colours = reader_left(reader) > 0 ? reader->at[0] + 1U : 0;
	n = n_colours < 2 ? 0 : body_size(kind, n_colours, width, height);
	if (n == 0 || n > reader_left(reader))
		return false;

	/* Both as large as they must be: who goes beyond is found. */
	body = malloc(n);
	patch = malloc(sizeof(*patch) * width * height);
	assert(body && patch);
	memcpy(body, reader_bytes(reader, n), n);
	decode(kind, body, patch, width, width, height);
	is_good = picture_apply(picture, start, (size_t)(reader->at - start)) == 0;
	for (unsigned i = 0; i < width * height; i++) {
		unsigned at = (y + i / width) * WIDTH + x + i % width;

		assert(!is_good || patch[i] == swapped(picture->pixels[at]));
		pixels[at] = patch[i];
	}
	/* In the middle of a wider patch, too. */
	decode(kind, body, &pixels[y * WIDTH + x], WIDTH, width, height);
	for (unsigned i = 0; i < width * height; i++)
		assert(pixels[(y + i / width) * WIDTH + x + i % width] == patch[i]);
	return is_good;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static struct picture picture;
	static uint32_t pixels[N];
	bool is_good = true;
	struct reader reader;

	assert(picture_resize(&picture, WIDTH, HEIGHT) == 0);
	for (size_t i = 0; i < N; i++)
		pixels[i] = OPAQUE;
	reader_init(&reader, bytes, n);
	while (is_good && reader_left(&reader) > 0)
		is_good = check_one(&reader, &picture, pixels);
	/* Nothing beside what was painted. */
	for (size_t i = 0; i < N && is_good; i++)
		assert(pixels[i] == swapped(picture.pixels[i]));
	picture_finish(&picture);
	return 0;
}
