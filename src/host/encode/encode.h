/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Turning changes of the scene into FRAME bodies (docs/protocol.md). One
 * encoder for each group of viewers in step (group.h): its compression and its
 * cache remember what these have been sent. A body is built by adding moves
 * and rectangles, and taken when it is complete.
 *
 * What it remembers of a tile is the scene's whole tile, so all in which the
 * viewers' pictures differ from the scene must lie in the rectangle that is
 * added. The dirty box is such a one, as long as what is not exact stays dirty.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "host/scene/rect.h"
#include "host/scene/scene.h"
#include "host/stats.h"

/* Writable bytes that stand before a body, for the frame's header and the transport's. */
#define ENCODE_HEADROOM 64

struct encoder;

struct encode_impl {
	struct encoder *(*create)(void);
	int (*resize)(struct encoder *self, unsigned width, unsigned height);
	void (*restart)(struct encoder *self);
	int (*move)(struct encoder *self, const struct scene_move *move);
	void (*forget)(struct encoder *self, const struct rect *rect);
	int (*add)(struct encoder *self, const struct scene *scene, const struct rect *at,
		usec_t now);
	int (*take)(struct encoder *self, uint8_t **ret, size_t *ret_n);
	bool (*rest)(struct encoder *self, const struct scene *scene, usec_t now);
	size_t (*size)(const struct encoder *self);
	size_t (*work)(const struct encoder *self);
	void (*destroy)(struct encoder *self);
};

/* Embedded in the variant's own struct. */
struct encoder {
	const struct encode_impl *impl;
	struct stats_work done; /* since its owner last cleared it */
};

/* Lossless tiles of all kinds, moves and the cache, deflated. */
extern const struct encode_impl encode_tiles;
/* For tests: solid tiles of each rectangle's first pixel, not deflated. */
extern const struct encode_impl encode_fake;

/* For a screen of 0x0. NULL: out of memory. */
static inline struct encoder *encoder_create(const struct encode_impl *impl)
{
	return impl->create();
}

/*
 * The viewers are told of a new SCREEN: it is black. What was added since the last body is
 * forgotten. Returns 0 or -ENOMEM.
 */
static inline int encoder_resize(struct encoder *self, unsigned width, unsigned height)
{
	return self->impl->resize(self, width, height);
}

/* Between two bodies: nothing refers to what came before, so that others may join. */
static inline void encoder_restart(struct encoder *self)
{
	self->impl->restart(self);
}

/* The viewers have something else in @rect than the scene has, from now on. */
static inline void encoder_forget(struct encoder *self, const struct rect *rect)
{
	self->impl->forget(self, rect);
}

/*
 * One more move, on the screen. Before the rectangles: it moves what the viewers have now.
 * Returns 0 or -ENOMEM; the encoder is then of no more use.
 */
static inline int encoder_move(struct encoder *self, const struct scene_move *move)
{
	return self->impl->move(self, move);
}

/**
 * encoder_add() - one more rectangle
 * @scene:  of the size that encoder_resize() was told
 * @at:     within one tile
 *
 * Returns 0 or -ENOMEM; the encoder is then of no more use.
 */
static inline int encoder_add(
	struct encoder *self, const struct scene *scene, const struct rect *at, usec_t now)
{
	return self->impl->add(self, scene, at, now);
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

/* The scene has not changed for so long. */
#define ENCODE_REST_USEC (200 * USEC_PER_MSEC)

/*
 * All of @scene was taken, ENCODE_REST_USEC ago and more: time to remember what it looks like.
 * Returns whether that was not all yet. Costs some milliseconds at most.
 */
static inline bool encoder_rest(struct encoder *self, const struct scene *scene, usec_t now)
{
	return self->impl->rest(self, scene, now);
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
