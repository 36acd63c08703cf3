/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/deflater.h"

#include <assert.h>
#include <errno.h>

#include "base/mem.h"

#define LEVEL 1
#define WINDOW_BITS 15
#define MEM_LEVEL 8 /* with the window 256 KiB a stream */
#define ROOM_MIN ((size_t)4 << 10)

static const uint8_t flush_end[] = { 0x00, 0x00, 0xff, 0xff };

static void *allocate(void *opaque, unsigned n, unsigned size)
{
	(void)opaque;
	return mem_alloc(n, size);
}

static void release(void *opaque, void *block)
{
	(void)opaque;
	free(block);
}

int deflater_init(struct deflater *self)
{
	*self = (struct deflater){
		.stream = { .zalloc = allocate, .zfree = release },
		.strategy = Z_DEFAULT_STRATEGY,
	};
	/* Negative: no zlib header and no checksum. */
	if (deflateInit2(&self->stream, LEVEL, Z_DEFLATED, -WINDOW_BITS, MEM_LEVEL,
		    Z_DEFAULT_STRATEGY)
		!= Z_OK)
		return -ENOMEM;
	return 0;
}

void deflater_finish(struct deflater *self)
{
	deflateEnd(&self->stream);
	free(self->buffer);
	self->buffer = NULL;
}

void deflater_restart(struct deflater *self)
{
	deflateReset(&self->stream);
	self->length = 0;
	self->n_in = 0;
}

static int make_room(struct deflater *self)
{
	size_t size = 2 * self->size + self->length + ROOM_MIN;
	uint8_t *buffer;

	if (self->size >= self->length + ROOM_MIN)
		return 0;
	buffer = mem_resize(self->buffer, size, 1);
	if (!buffer)
		return -ENOMEM;
	self->buffer = buffer;
	self->size = size;
	return 0;
}

/* Until all input is consumed and, for a flush, all output is there. */
static int run(struct deflater *self, int flush)
{
	z_stream *stream = &self->stream;

	do {
		size_t room;
		int r = make_room(self);

		if (r < 0)
			return r;
		room = self->size - self->length;
		stream->next_out = self->buffer + self->length;
		stream->avail_out = (unsigned)room;
		r = deflate(stream, flush);
		assert(r == Z_OK || r == Z_BUF_ERROR);
		self->length += room - stream->avail_out;
	} while (stream->avail_in > 0 || stream->avail_out == 0);
	return 0;
}

/* A large message was sent: its buffer is not kept for the small ones that follow. */
static void shrink(struct deflater *self)
{
	uint8_t *buffer;

	if (self->size <= DEFLATER_KEPT)
		return;
	buffer = mem_resize(self->buffer, DEFLATER_KEPT, 1);
	if (!buffer)
		return;
	self->buffer = buffer;
	self->size = DEFLATER_KEPT;
}

/* All so far has come out, but for some bits. */
static void count_out(struct deflater *self)
{
	self->n_out[self->strategy == Z_HUFFMAN_ONLY] += self->length - self->n_counted;
	self->n_counted = self->length;
}

/* Ends the block, so that the two kinds of bytes have codes of their own. */
static int set_strategy(struct deflater *self, int strategy)
{
	z_stream *stream = &self->stream;
	int r;

	if (self->strategy == strategy)
		return 0;
	do {
		size_t room;

		r = make_room(self);
		if (r < 0)
			return r;
		room = self->size - self->length;
		stream->next_out = self->buffer + self->length;
		stream->avail_out = (unsigned)room;
		r = deflateParams(stream, LEVEL, strategy);
		assert(r == Z_OK || r == Z_BUF_ERROR);
		self->length += room - stream->avail_out;
	} while (r != Z_OK);
	count_out(self);
	self->strategy = strategy;
	return 0;
}

int deflater_add(struct deflater *self, const void *bytes, size_t n, bool noisy)
{
	int r;

	if (self->n_in == 0) {
		shrink(self);
		self->n_counted = 0;
		memset(self->n_out, 0, sizeof(self->n_out));
	}
	r = set_strategy(self, noisy ? Z_HUFFMAN_ONLY : Z_DEFAULT_STRATEGY);
	if (r < 0)
		return r;
	self->stream.next_in = (unsigned char *)bytes;
	self->stream.avail_in = (unsigned)n;
	self->n_in += n;
	return run(self, Z_NO_FLUSH);
}

int deflater_take(struct deflater *self, uint8_t **ret, size_t *ret_n)
{
	int r;

	if (self->n_in == 0) {
		/* zlib writes no flush after a flush; by hand: an empty stored block. */
		r = make_room(self);
		if (r < 0)
			return r;
		self->buffer[0] = 0x00;
		self->length = 1;
	} else {
		r = run(self, Z_SYNC_FLUSH);
		if (r < 0)
			return r;
		assert(self->length > sizeof(flush_end));
		self->length -= sizeof(flush_end);
		assert(memcmp(self->buffer + self->length, flush_end, sizeof(flush_end)) == 0);
		count_out(self);
	}
	*ret = self->buffer;
	*ret_n = self->length;
	self->length = 0;
	self->n_in = 0;
	return 0;
}
