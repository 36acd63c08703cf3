/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* The page's side of a deflate stream in pieces, for tests. */

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/mem.h"
#include "unit/test.h"

struct inflater {
	z_stream stream;
	uint8_t *bytes; /* what the last piece inflated to */
	size_t n;
	size_t size;
};

static inline void inflater_init(struct inflater *self)
{
	*self = (struct inflater){ 0 };
	assert_int_equal(inflateInit2(&self->stream, -MAX_WBITS), Z_OK);
}

static inline void inflater_finish(struct inflater *self)
{
	inflateEnd(&self->stream);
	free(self->bytes);
}

static inline void inflater_run(struct inflater *self, const uint8_t *bytes, size_t n)
{
	z_stream *stream = &self->stream;
	int r;

	stream->next_in = (unsigned char *)bytes;
	stream->avail_in = (unsigned)n;
	do {
		if (self->size - self->n < 65536) {
			self->size = self->size * 2 + 65536;
			self->bytes = realloc(self->bytes, self->size);
			assert_non_null(self->bytes);
		}
		stream->next_out = self->bytes + self->n;
		stream->avail_out = (unsigned)(self->size - self->n);
		r = inflate(stream, Z_SYNC_FLUSH);
		assert_true(r == Z_OK || r == Z_BUF_ERROR || r == Z_STREAM_END);
		self->n = self->size - stream->avail_out;
	} while (stream->avail_out == 0);
	assert_int_equal(stream->avail_in, 0);
}

/* One FRAME body, the end of its flush put back. */
static inline void inflater_take(struct inflater *self, const uint8_t *body, size_t n)
{
	static const uint8_t end[] = { 0x00, 0x00, 0xff, 0xff };

	self->n = 0;
	inflater_run(self, body, n);
	inflater_run(self, end, sizeof(end));
}
