/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Coded pictures as the host makes them, for tests of the page:
 *
 *	pictures h264|vp9 WIDTH HEIGHT N [KEY [half]]
 *
 * prints N pictures, of which the first and the KEYth, counted from 0, are key pictures; each
 * as u32 key, u32 size, the coded bytes, u32 size, and the pixels that went in, r g b. All
 * little-endian.
 */

#include <stdio.h>

#include "base/mem.h"
#include "host/video/codec.h"

/* Fields of every corner of the colour cube, with soft edges, that go round. */
static uint32_t colour_at(unsigned x, unsigned y, unsigned width, unsigned height, unsigned t)
{
	static const uint32_t colours[] = { 0xd02020, 0x20c020, 0x2020d0, 0xd0d020, 0x20c0c0,
		0xc020c0, 0xf0f0f0, 0x101010, 0x808080, 0xd09060 };
	unsigned columns = width / 40 + 1, rows = height / 40 + 1;
	uint32_t colour = colours[(x * columns / width + y * rows / height * 3 + t / 4) %
		ARRAY_SIZE(colours)];
	unsigned shade = (x + y + t * 2) % 64;

	shade = shade < 32 ? shade : 63 - shade;
	return ((colour & 0xfefefe) >> 1) + shade * 0x010101;
}

static void put(const void *bytes, size_t n)
{
	uint8_t size[4] = { (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16),
		(uint8_t)(n >> 24) };

	fwrite(size, 1, sizeof(size), stdout);
	if (bytes)
		fwrite(bytes, 1, n, stdout);
}

int main(int argc, char **argv)
{
	const struct codec_impl *impl =
		argc > 1 && strcmp(argv[1], "h264") == 0 ? &codec_h264 : &codec_vp9;
	struct codec *codec = codec_create(impl);
	unsigned width = argc > 4 ? (unsigned)atoi(argv[2]) : 64;
	unsigned height = argc > 4 ? (unsigned)atoi(argv[3]) : 64;
	unsigned n = argc > 4 ? (unsigned)atoi(argv[4]) : 1;
	unsigned key = argc > 5 ? (unsigned)atoi(argv[5]) : 0;
	bool half = argc > 6 && strcmp(argv[6], "half") == 0;
	CLEANUP(free) uint32_t *pixels = xalloc((size_t)width * height, sizeof(*pixels));
	CLEANUP(free) uint8_t *rgb = xalloc((size_t)width * height, 3);

	for (unsigned t = 0; t < n; t++) {
		struct codec_input in = { pixels, width, width, height, t == key,
			(size_t)width * height / 8, 0, half };
		struct codec_output out;

		for (unsigned i = 0; i < width * height; i++) {
			pixels[i] = colour_at(i % width, i / width, width, height, t);
			rgb[i * 3] = (uint8_t)(pixels[i] >> 16);
			rgb[i * 3 + 1] = (uint8_t)(pixels[i] >> 8);
			rgb[i * 3 + 2] = (uint8_t)pixels[i];
		}
		if (codec_load(codec, &in) < 0 || codec_encode(codec, &out) < 0)
			return 1;
		put(NULL, out.key);
		put(out.bytes, out.n);
		put(rgb, (size_t)width * height * 3);
	}
	codec_destroy(codec);
	return 0;
}
