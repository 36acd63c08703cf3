/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Where pixels come from: an X server, a test pattern; later Wayland
 * compositors. A capture tells the size first (a new geometry: the picture is
 * black and everything will come), then batches of what may have changed.
 */

#include <stddef.h>

#include "host/scene/hint.h"
#include "host/scene/patch.h"

struct capture;

/* Borrowed, with all that it points to, until capture_release() or the next geometry. */
struct capture_batch {
	unsigned generation; /* of the geometry: 1, 2, 3 … */
	const struct hint *hints; /* what may have moved in this batch or those before */
	size_t n_hints;
	const struct patch *rects; /* what may have changed; they do not overlap */
	size_t n_rects;
};

struct capture_events {
	void (*geometry)(void *data, unsigned generation, unsigned width, unsigned height);
	/* None follows until this one is released, from within the call or later. */
	void (*batch)(void *data, const struct capture_batch *batch);
	/* It cannot go on; destroy it. @why: for the log. */
	void (*failed)(void *data, const char *why);
};

struct capture_impl {
	void (*release)(struct capture *self);
	void (*destroy)(struct capture *self);
};

/* Embedded in the variant's own struct. */
struct capture {
	const struct capture_impl *impl;
	const struct capture_events *events; /* borrowed */
	void *data;
};

/* The batch that came last is needed no more: what it points to may be read over. */
static inline void capture_release(struct capture *self)
{
	self->impl->release(self);
}

/* Takes NULL. Safe in any of its own callbacks. */
static inline void capture_destroy(struct capture *self)
{
	if (self)
		self->impl->destroy(self);
}
