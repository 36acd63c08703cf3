/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Turning rectangles of the scene into FRAME bodies (docs/protocol.md). One
 * encoder per connection: its compression remembers what that viewer has been
 * sent. A body is built by adding rectangles and taken when it is complete.
 */

#include <stddef.h>
#include <stdint.h>

#include "host/scene/rect.h"

/* Writable bytes that stand before a body, for the frame's header and the transport's. */
#define ENCODE_HEADROOM 64

struct encoder;

struct encode_impl {
	struct encoder *(*create)(void);
	int (*add)(struct encoder *self, const struct rect *at, const uint32_t *pixels,
		size_t stride);
	int (*take)(struct encoder *self, uint8_t **ret, size_t *ret_n);
	size_t (*size)(const struct encoder *self);
	size_t (*work)(const struct encoder *self);
	void (*destroy)(struct encoder *self);
};

/* Embedded in the variant's own struct. */
struct encoder {
	const struct encode_impl *impl;
};

/* Lossless tiles: solid, palette or raw, deflated. */
extern const struct encode_impl encode_tiles;
/* For tests: solid tiles of each rectangle's first pixel, not deflated. */
extern const struct encode_impl encode_fake;

/* NULL: out of memory. */
static inline struct encoder *encoder_create(const struct encode_impl *impl)
{
	return impl->create();
}

/**
 * encoder_add() - one more rectangle
 * @at:      at most 64x64
 * @pixels:  of its left top corner, 0x00RRGGBB, top byte ignored
 * @stride:  pixels from one row to the next
 *
 * Returns 0 or -ENOMEM; the encoder is then of no more use.
 */
static inline int encoder_add(struct encoder *self, const struct rect *at,
	const uint32_t *pixels, size_t stride)
{
	return self->impl->add(self, at, pixels, stride);
}

/**
 * encoder_take() - complete the body
 * @ret:  borrowed until the next call; ENCODE_HEADROOM writable bytes stand before it
 *
 * A body without rectangles is valid, and not empty. Returns 0 or -ENOMEM as above.
 */
static inline int encoder_take(struct encoder *self, uint8_t **ret, size_t *ret_n)
{
	return self->impl->take(self, ret, ret_n);
}

/* Bytes that the body has now; more may still be in the compressor. */
static inline size_t encoder_size(const struct encoder *self)
{
	return self->impl->size(self);
}

/* Bytes that went into the compressor for this body: a measure of the time it took. */
static inline size_t encoder_work(const struct encoder *self)
{
	return self->impl->work(self);
}

/* Takes NULL. */
static inline void encoder_destroy(struct encoder *self)
{
	if (self)
		self->impl->destroy(self);
}
