/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The rectangles of a FRAME (docs/protocol.md), into pixels that lie in memory as r, g, b, 255.
 * picture/operations.ts has checked that what they are made of is all there.
 */

#include <stddef.h>
#include <stdint.h>

#include "export.h"

#define OPAQUE 0xff000000U

/* Where a rectangle goes; sizes in pixels. */
struct target {
	uint32_t *at;
	unsigned stride;
	unsigned width;
	unsigned height;
};

static uint32_t colour(const uint8_t *rgb)
{
	return OPAQUE | (uint32_t)rgb[2] << 16 | (uint32_t)rgb[1] << 8 | rgb[0];
}

static void decode_solid(const uint8_t *body, const struct target *target)
{
	for (unsigned y = 0; y < target->height; y++) {
		for (unsigned x = 0; x < target->width; x++)
			target->at[y * target->stride + x] = colour(body);
	}
}

static void decode_palette(const uint8_t *body, const struct target *target)
{
	static uint32_t colours[256];
	unsigned n = *body++ + 1U;
	unsigned bits = n <= 2 ? 1 : n <= 4 ? 2 : n <= 16 ? 4 : 8;
	unsigned mask = (1U << bits) - 1;

	/* An index beyond the palette is black. */
	for (unsigned i = n; i <= mask; i++)
		colours[i] = OPAQUE;
	for (unsigned i = 0; i < n; i++, body += 3)
		colours[i] = colour(body);
	for (unsigned y = 0; y < target->height; y++) {
		uint32_t *to = target->at + y * target->stride;
		unsigned packed = 0, left = 0;

		for (unsigned x = 0; x < target->width; x++) {
			if (left == 0) {
				packed = *body++;
				left = 8;
			}
			left -= bits;
			to[x] = colours[packed >> left & mask];
		}
	}
}

static void decode_raw(const uint8_t *body, const struct target *target)
{
	for (unsigned y = 0; y < target->height; y++) {
		for (unsigned x = 0; x < target->width; x++, body += 3)
			target->at[y * target->stride + x] = colour(body);
	}
}

static void decode_delta(const uint8_t *green, const struct target *target)
{
	const uint8_t *red = green + target->width * target->height;
	const uint8_t *blue = red + target->width * target->height;

	for (unsigned y = 0; y < target->height; y++) {
		uint32_t *row = target->at + y * target->stride;
		uint32_t before = y > 0 ? row[-(ptrdiff_t)target->stride] : 0;
		uint8_t r = (uint8_t)before, g = (uint8_t)(before >> 8),
			b = (uint8_t)(before >> 16);

		for (unsigned x = 0; x < target->width; x++, green++) {
			r = (uint8_t)(r + *red++ + *green);
			g = (uint8_t)(g + *green);
			b = (uint8_t)(b + *blue++ + *green);
			row[x] = OPAQUE | (uint32_t)b << 16 | (uint32_t)g << 8 | r;
		}
	}
}

/* body: behind the header. */
EXPORT(decode)
void decode(unsigned kind, const uint8_t *body, uint32_t *at, unsigned stride, unsigned width,
	unsigned height)
{
	static void (*const decoders[])(const uint8_t *, const struct target *) = {
		decode_solid,
		decode_palette,
		decode_raw,
		decode_delta,
	};
	struct target target = { at, stride, width, height };

	decoders[kind](body, &target);
}
