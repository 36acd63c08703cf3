/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Turning changes of the scene into FRAME bodies (docs/protocol.md). One
 * encoder for each group of viewers in step (group.h): its compression and its
 * cache remember what these have been sent. A body is built by adding moves
 * and rectangles, for which the scene is read, and then compressed, in a thread
 * when that takes time: only bytes that were written for it are read there.
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
struct worker;

/* A complete one; zeroes: none yet. */
struct encode_body {
	uint8_t *block; /* the holder's, to free(): ENCODE_HEADROOM bytes, and then @n of the body */
	size_t n;
	usec_t cost; /* so long a thread worked on it */
};

/*
 * From the loop: @body, that encoder_take() has begun, is complete; @error: 0, or -ENOMEM: the
 * encoder is of no more use. NULL: one is over that was void already, so that there is room.
 */
typedef void (*encode_done_fn)(void *data, struct encode_body *body, int error);

struct encode_impl {
	struct encoder *(*create)(struct worker *worker, encode_done_fn done, void *data);
	int (*resize)(struct encoder *self, unsigned width, unsigned height);
	void (*restart)(struct encoder *self);
	int (*move)(struct encoder *self, const struct scene_move *move);
	void (*forget)(struct encoder *self, const struct rect *rect);
	int (*add)(struct encoder *self, const struct scene *scene, const struct rect *at,
		usec_t now);
	int (*take)(struct encoder *self, struct encode_body *ret);
	bool (*is_busy)(const struct encoder *self);
	bool (*has_room)(const struct encoder *self);
	bool (*rest)(struct encoder *self, const struct scene *scene, usec_t now);
	size_t (*work)(const struct encoder *self);
	size_t (*expect)(const struct encoder *self);
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

/**
 * encoder_create() - for a screen of 0x0
 * @worker:  whose threads do what takes time, borrowed; NULL: none does, and @done is not called
 *
 * NULL: out of memory.
 */
static inline struct encoder *encoder_create(
	const struct encode_impl *impl, struct worker *worker, encode_done_fn done, void *data)
{
	return impl->create(worker, done, data);
}

/*
 * The viewers are told of a new SCREEN: it is black. What was added since the last body is
 * forgotten, and bodies that are not complete are told no more. Returns 0 or -ENOMEM.
 */
static inline int encoder_resize(struct encoder *self, unsigned width, unsigned height)
{
	return self->impl->resize(self, width, height);
}

/*
 * Between two bodies: nothing refers to what came before, so that others may join. What is not
 * complete is void, as with encoder_resize().
 */
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
 * encoder_take() - this was all of the body: it is compressed
 * @ret:  must live until it is complete, or void
 *
 * Only if there is room. A body without rectangles is valid, and not empty. Returns 0;
 * -EINPROGRESS: a thread does it, or will, and @done is called; or -ENOMEM as above.
 */
static inline int encoder_take(struct encoder *self, struct encode_body *ret)
{
	return self->impl->take(self, ret);
}

/* A thread has a body, void or not. One more may be begun meanwhile; then there is no room. */
static inline bool encoder_is_busy(const struct encoder *self)
{
	return self->impl->is_busy(self);
}

static inline bool encoder_has_room(const struct encoder *self)
{
	return self->impl->has_room(self);
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

/* Bytes that are to be compressed for this body: a measure of the time that it takes. */
static inline size_t encoder_work(const struct encoder *self)
{
	return self->impl->work(self);
}

/* How many the body will have, if it is compressed as well as those before it. */
static inline size_t encoder_expect(const struct encoder *self)
{
	return self->impl->expect(self);
}

/* Takes NULL. */
static inline void encoder_destroy(struct encoder *self)
{
	if (self)
		self->impl->destroy(self);
}
