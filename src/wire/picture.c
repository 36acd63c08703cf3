/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/picture.h"

#include <errno.h>
#include <stdbool.h>

#include "base/mem.h"
#include "base/reader.h"

#define TILE STREAM_RECT_PX

/* The pixels of one rectangle on the picture. */
struct target {
	uint32_t *at;
	size_t stride;
	unsigned width;
	unsigned height;
};

static bool is_inside(const struct picture *self, const struct stream_rect *rect)
{
	return rect->width > 0 && rect->height > 0 && rect->x + rect->width <= self->width
	       && rect->y + rect->height <= self->height;
}

static struct target target_of(const struct picture *self, const struct stream_rect *rect)
{
	return (struct target){
		.at = self->pixels + (size_t)rect->y * self->width + rect->x,
		.stride = self->width,
		.width = rect->width,
		.height = rect->height,
	};
}

/* --- rectangles --- */

static uint32_t read_colour(struct reader *reader)
{
	const uint8_t *b = reader_bytes(reader, 3);

	return b ? (uint32_t)b[0] << 16 | (uint32_t)b[1] << 8 | b[2] : 0;
}

static void fill(struct reader *reader, const struct target *target)
{
	uint32_t colour = read_colour(reader);

	for (unsigned y = 0; y < target->height && !reader->failed; y++) {
		for (unsigned x = 0; x < target->width; x++)
			target->at[y * target->stride + x] = colour;
	}
}

static void read_raw(struct reader *reader, const struct target *target)
{
	for (unsigned y = 0; y < target->height; y++) {
		for (unsigned x = 0; x < target->width && !reader->failed; x++)
			target->at[y * target->stride + x] = read_colour(reader);
	}
}

static int read_palette(struct reader *reader, const struct target *target)
{
	uint32_t colours[STREAM_COLOURS_MAX];
	unsigned n = reader_u8(reader) + 1U;
	unsigned bits = stream_index_bits(n), per_byte = 8 / bits;

	if (n < 2)
		return -EBADMSG;
	for (unsigned i = 0; i < n; i++)
		colours[i] = read_colour(reader);
	for (unsigned y = 0; y < target->height; y++) {
		const uint8_t *row =
			reader_bytes(reader, (target->width + per_byte - 1) / per_byte);

		for (unsigned x = 0; x < target->width && row; x++) {
			unsigned shift = 8 - bits - x % per_byte * bits;
			unsigned index = row[x / per_byte] >> shift & ((1U << bits) - 1);

			if (index >= n)
				return -EBADMSG;
			target->at[y * target->stride + x] = colours[index];
		}
	}
	return 0;
}

static uint32_t add_delta(uint32_t before, uint8_t green, uint8_t red, uint8_t blue)
{
	uint8_t g = (uint8_t)((before >> 8) + green);
	uint8_t r = (uint8_t)((before >> 16) + red + green);
	uint8_t b = (uint8_t)(before + blue + green);

	return (uint32_t)r << 16 | (uint32_t)g << 8 | b;
}

static void read_delta(struct reader *reader, const struct target *target)
{
	size_t n = (size_t)target->width * target->height;
	const uint8_t *planes = reader_bytes(reader, 3 * n);

	if (!planes)
		return;
	for (unsigned y = 0; y < target->height; y++) {
		uint32_t *row = target->at + y * target->stride;
		uint32_t before = y > 0 ? row[-(ptrdiff_t)target->stride] : 0;

		for (unsigned x = 0; x < target->width; x++, planes++)
			before = row[x] = add_delta(before, planes[0], planes[n], planes[2 * n]);
	}
}

static int apply_rect(struct picture *self, struct reader *reader, enum stream_kind kind)
{
	struct stream_rect rect;
	struct target target;

	rect.x = reader_u16(reader);
	rect.y = reader_u16(reader);
	rect.width = reader_u8(reader) + 1U;
	rect.height = reader_u8(reader) + 1U;
	if (reader->failed || rect.width > STREAM_RECT_PX || rect.height > STREAM_RECT_PX
		|| !is_inside(self, &rect))
		return -EBADMSG;
	target = target_of(self, &rect);
	self->filled += (uint64_t)rect.width * rect.height;
	if (kind == STREAM_PALETTE)
		return read_palette(reader, &target);
	if (kind == STREAM_SOLID)
		fill(reader, &target);
	else if (kind == STREAM_RAW)
		read_raw(reader, &target);
	else
		read_delta(reader, &target);
	return 0;
}

/* --- what refers to the picture --- */

static int apply_copy(struct picture *self, struct reader *reader)
{
	struct stream_rect to, from;
	struct target target, source;

	to.x = reader_u16(reader);
	to.y = reader_u16(reader);
	to.width = reader_u16(reader);
	to.height = reader_u16(reader);
	from = to;
	from.x = reader_u16(reader);
	from.y = reader_u16(reader);
	if (reader->failed || !is_inside(self, &to) || !is_inside(self, &from))
		return -EBADMSG;
	target = target_of(self, &to);
	source = target_of(self, &from);
	for (unsigned i = 0; i < to.height; i++) {
		/* From the end that is not overwritten before it is read. */
		unsigned y = to.y > from.y ? to.height - 1 - i : i;

		memmove(target.at + y * target.stride, source.at + y * source.stride,
			to.width * sizeof(*target.at));
	}
	self->filled += (uint64_t)to.width * to.height;
	return 0;
}

static int store(struct picture_slot *slot, const struct target *tile)
{
	size_t n = (size_t)tile->width * tile->height;
	uint32_t *pixels = mem_resize(slot->pixels, n, sizeof(*pixels));

	if (!pixels)
		return -ENOMEM;
	*slot = (struct picture_slot){ tile->width, tile->height, pixels };
	for (unsigned y = 0; y < tile->height; y++)
		memcpy(pixels + (size_t)y * tile->width, tile->at + y * tile->stride,
			tile->width * sizeof(*pixels));
	return 0;
}

static int use(const struct picture_slot *slot, const struct target *tile)
{
	if (slot->width != tile->width || slot->height != tile->height)
		return -EBADMSG;
	for (unsigned y = 0; y < tile->height; y++)
		memcpy(tile->at + y * tile->stride, slot->pixels + (size_t)y * tile->width,
			tile->width * sizeof(*slot->pixels));
	return 0;
}

static int apply_slot(struct picture *self, struct reader *reader, enum stream_kind kind)
{
	unsigned column = reader_u16(reader);
	unsigned row = reader_u16(reader);
	unsigned number = reader_u16(reader);
	struct stream_rect rect = { .x = column * TILE, .y = row * TILE };
	struct picture_slot *slot = &self->slots[number % STREAM_SLOTS];
	struct target tile;

	if (reader->failed || number >= STREAM_SLOTS || rect.x >= self->width
		|| rect.y >= self->height)
		return -EBADMSG;
	rect.width = self->width - rect.x < TILE ? self->width - rect.x : TILE;
	rect.height = self->height - rect.y < TILE ? self->height - rect.y : TILE;
	tile = target_of(self, &rect);
	if (kind == STREAM_STORE)
		return store(slot, &tile);
	self->filled += (uint64_t)rect.width * rect.height;
	return use(slot, &tile);
}

static int apply_one(struct picture *self, struct reader *reader)
{
	unsigned kind = reader_u8(reader);

	switch (kind) {
	case STREAM_SOLID:
	case STREAM_PALETTE:
	case STREAM_RAW:
	case STREAM_DELTA:
		return apply_rect(self, reader, (enum stream_kind)kind);
	case STREAM_COPY:
		return apply_copy(self, reader);
	case STREAM_STORE:
	case STREAM_CACHED:
		return apply_slot(self, reader, (enum stream_kind)kind);
	default:
		return -EBADMSG;
	}
}

int picture_apply(struct picture *self, const uint8_t *bytes, size_t n)
{
	struct reader reader;

	reader_init(&reader, bytes, n);
	while (reader_left(&reader) > 0) {
		int r = apply_one(self, &reader);

		if (r < 0)
			return r;
	}
	return reader.failed ? -EBADMSG : 0;
}

/* --- life --- */

int picture_resize(struct picture *self, unsigned width, unsigned height)
{
	picture_finish(self);
	/* One more: a screen of 0x0 has no pixels, and that is no failure. */
	self->pixels = mem_alloc((size_t)width * height + 1, sizeof(*self->pixels));
	if (!self->pixels)
		return -ENOMEM;
	self->width = width;
	self->height = height;
	return 0;
}

void picture_finish(struct picture *self)
{
	free(self->pixels);
	for (size_t i = 0; i < STREAM_SLOTS; i++)
		free(self->slots[i].pixels);
	*self = (struct picture){ 0 };
}
