/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/cursor/cursor.h"

#include <errno.h>
#include <zlib.h>

#include "base/mem.h"
#include "wire/stream.h"

void cursor_init(struct cursor *self)
{
	*self = (struct cursor){ 0 };
}

void cursor_finish(struct cursor *self)
{
	free(self->message);
	self->message = NULL;
}

void cursor_clear(struct cursor *self)
{
	free(TAKE_PTR(self->message));
	self->n = 0;
	self->serial++;
}

static uint8_t unmultiply(uint32_t channel, uint32_t alpha)
{
	uint32_t value = (channel * 255 + alpha / 2) / alpha;

	return value > 255 ? 255 : (uint8_t)value;
}

static void put_rgba(uint8_t *out, uint32_t argb)
{
	uint32_t alpha = argb >> 24;

	if (alpha == 0) {
		memset(out, 0, 4);
		return;
	}
	out[0] = unmultiply(argb >> 16 & 0xff, alpha);
	out[1] = unmultiply(argb >> 8 & 0xff, alpha);
	out[2] = unmultiply(argb & 0xff, alpha);
	out[3] = (uint8_t)alpha;
}

static uint8_t *make_rgba(const uint32_t *argb, size_t n_pixels)
{
	uint8_t *rgba = mem_alloc(n_pixels, 4);

	if (!rgba)
		return NULL;
	for (size_t i = 0; i < n_pixels; i++)
		put_rgba(rgba + 4 * i, argb[i]);
	return rgba;
}

/* One raw deflate stream, whole. Returns its size, or -ENOMEM. */
static ssize_t compress_whole(uint8_t *out, size_t size, uint8_t *bytes, size_t n)
{
	z_stream stream = {
		.next_in = bytes,
		.avail_in = (unsigned)n,
		.next_out = out,
		.avail_out = (unsigned)size,
	};
	int r;

	if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8,
		    Z_DEFAULT_STRATEGY)
		!= Z_OK)
		return -ENOMEM;
	r = deflate(&stream, Z_FINISH);
	deflateEnd(&stream);
	return r == Z_STREAM_END ? (ssize_t)stream.total_out : -ENOMEM;
}

static void replace(struct cursor *self, uint8_t *message, size_t n)
{
	free(self->message);
	self->message = message;
	self->n = n;
	self->serial++;
}

static int set_none(struct cursor *self)
{
	uint8_t *message = mem_alloc(STREAM_CURSOR_HEADER_SIZE, 1);

	if (!message)
		return -ENOMEM;
	replace(self, message, stream_put_cursor_header(message, 0, 0, 0, 0));
	return 0;
}

int cursor_set(struct cursor *self, unsigned width, unsigned height, unsigned hot_x,
	unsigned hot_y, const uint32_t *argb)
{
	CLEANUP(free) uint8_t *rgba = NULL;
	CLEANUP(free) uint8_t *message = NULL;
	size_t n = (size_t)width * height, room;
	ssize_t body;

	if (width == 0 || height == 0 || width > CURSOR_PX_MAX || height > CURSOR_PX_MAX)
		return set_none(self);
	rgba = make_rgba(argb, n);
	room = compressBound(4 * n);
	message = mem_alloc(STREAM_CURSOR_HEADER_SIZE + room, 1);
	if (!rgba || !message)
		return -ENOMEM;
	stream_put_cursor_header(message, width, height, hot_x, hot_y);
	body = compress_whole(message + STREAM_CURSOR_HEADER_SIZE, room, rgba, 4 * n);
	if (body < 0)
		return (int)body;
	replace(self, TAKE_PTR(message), STREAM_CURSOR_HEADER_SIZE + (size_t)body);
	return 0;
}
