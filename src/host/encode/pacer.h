/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * One viewer's place in the picture: at most one unacknowledged frame, and the
 * dirty set of what changed meanwhile. Nothing is ever queued: a frame is made
 * when it can be sent, of the newest state. A large frame goes out in pieces,
 * with whatever else is due in between; what changes behind the piece sent
 * last waits for the next frame.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/encode/encode.h"
#include "host/scene/scene.h"

struct pacer {
	struct scene *scene; /* borrowed */
	struct scene_view view;
	struct encoder *encoder;
	uint32_t seq;  /* of the newest frame; 0: none yet */
	bool unacked;  /* that frame is not painted yet, */
	bool open;     /* nor sent in full: */
	size_t tile;   /* its next piece begins here */
};

/* The whole screen is dirty. -ENOMEM; needs no finish then. */
int pacer_init(struct pacer *self, struct scene *scene, const struct encode_impl *impl);
void pacer_finish(struct pacer *self);

/* Is there something to produce now? */
bool pacer_is_due(const struct pacer *self);

/**
 * pacer_produce() - the next FRAME message; only when due
 * @ret:  borrowed until the next call; CONNECTION_HEADROOM writable bytes stand before it
 *
 * Returns 0 or -ENOMEM: the viewer must go.
 */
int pacer_produce(struct pacer *self, uint8_t **ret, size_t *ret_n);

/* The viewer has painted @seq. -EBADMSG: it cannot have. */
int pacer_ack(struct pacer *self, uint32_t seq);

/* After scene_resize(). -ENOMEM: the viewer must go. */
int pacer_handle_resize(struct pacer *self);
