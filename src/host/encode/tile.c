/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/tile.h"

#include <stdbool.h>

#define COLOUR 0x00ffffffU
#define SLOTS 64 /* of the hash table: few collisions among 16 colours */

/* The colours of a tile in the order in which they come. */
struct palette {
	uint32_t colours[STREAM_COLOURS_MAX];
	unsigned n;
	uint8_t slots[SLOTS]; /* index + 1; 0: free */
};

static unsigned slot_of(uint32_t colour)
{
	return (colour * 0x9e3779b1U) >> 26;
}

/* The index of @colour, which may be new; STREAM_COLOURS_MAX when there is no room. */
static unsigned palette_find(struct palette *self, uint32_t colour)
{
	unsigned slot = slot_of(colour);

	while (self->slots[slot]) {
		unsigned index = self->slots[slot] - 1U;

		if (self->colours[index] == colour)
			return index;
		slot = (slot + 1) % SLOTS;
	}
	if (self->n == STREAM_COLOURS_MAX)
		return STREAM_COLOURS_MAX;
	self->colours[self->n] = colour;
	self->slots[slot] = (uint8_t)(self->n + 1);
	return self->n++;
}

/* @indices: one for each pixel, row by row without gaps. False: too many colours. */
static bool find_colours(struct palette *palette, uint8_t *indices, const struct rect *at,
	const uint32_t *pixels, size_t stride)
{
	int width = rect_width(at), height = rect_height(at);
	uint32_t last = ~(pixels[0] & COLOUR);
	unsigned index = 0;

	for (int y = 0; y < height; y++, pixels += stride) {
		for (int x = 0; x < width; x++) {
			uint32_t colour = pixels[x] & COLOUR;

			if (colour != last) {
				index = palette_find(palette, colour);
				if (index == STREAM_COLOURS_MAX)
					return false;
				last = colour;
			}
			*indices++ = (uint8_t)index;
		}
	}
	return true;
}

/* Rows of indices, from the high bit down, each padded to a byte. */
static uint8_t *pack_indices(
	uint8_t *out, const uint8_t *indices, const struct rect *at, unsigned bits)
{
	int width = rect_width(at), height = rect_height(at);

	for (int y = 0; y < height; y++) {
		unsigned byte = 0, filled = 0;

		for (int x = 0; x < width; x++) {
			byte = byte << bits | *indices++;
			filled += bits;
			if (filled == 8) {
				*out++ = (uint8_t)byte;
				byte = 0;
				filled = 0;
			}
		}
		if (filled > 0)
			*out++ = (uint8_t)(byte << (8 - filled));
	}
	return out;
}

static uint8_t *write_raw(
	uint8_t *out, const struct rect *at, const uint32_t *pixels, size_t stride)
{
	int width = rect_width(at), height = rect_height(at);

	for (int y = 0; y < height; y++, pixels += stride) {
		for (int x = 0; x < width; x++)
			out += stream_put_colour(out, pixels[x]);
	}
	return out;
}

static uint8_t *write_palette(uint8_t *out, const struct palette *palette,
	const uint8_t *indices, const struct rect *at)
{
	*out++ = (uint8_t)palette->n;
	for (unsigned i = 0; i < palette->n; i++)
		out += stream_put_colour(out, palette->colours[i]);
	return pack_indices(out, indices, at, stream_index_bits(palette->n));
}

size_t tile_write(
	uint8_t *out, const struct rect *at, const uint32_t *pixels, size_t stride)
{
	struct palette palette = { .n = 0 };
	uint8_t indices[STREAM_RECT_PX * STREAM_RECT_PX];
	struct stream_rect rect = {
		.x = (unsigned)at->left,
		.y = (unsigned)at->top,
		.width = (unsigned)rect_width(at),
		.height = (unsigned)rect_height(at),
	};
	uint8_t *start = out;

	if (!find_colours(&palette, indices, at, pixels, stride)) {
		out += stream_put_rect_header(out, STREAM_RAW, &rect);
		out = write_raw(out, at, pixels, stride);
	} else if (palette.n == 1) {
		out += stream_put_rect_header(out, STREAM_SOLID, &rect);
		out += stream_put_colour(out, palette.colours[0]);
	} else {
		out += stream_put_rect_header(out, STREAM_PALETTE, &rect);
		out = write_palette(out, &palette, indices, at);
	}
	return (size_t)(out - start);
}
