/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Which of the dirty tiles go first when a frame may not have them all. What has just become
 * dirty goes before what has waited already, unless it is one of those that change again as
 * soon as they are sent: so the echo of a key, a pointer's hover, a line of a terminal do not
 * wait for their turn behind a film or the rest of a photo. The others take turns, frame after
 * frame, so that none starves.
 *
 * On a link that takes whole frames nothing of this happens: tiles go row by row.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/scene/region.h"

struct order {
	struct order_tile {
		uint8_t waited; /* so many frames had no room for it */
		uint8_t busy;   /* so often it was dirty again when the next one began */
		bool taken;     /* by the frame before */
	} * tiles;
	size_t n_tiles;
	size_t turn; /* of the others, the next frame begins with this tile */
	size_t at;   /* where to look next, in this pass: */
	enum order_pass {
		ORDER_FRESH, /* all of these, */
		ORDER_TURN,  /* then from the turn on, */
		ORDER_REST,  /* then those before it */
		ORDER_DONE,
	} pass;
	bool cut; /* the frame before could not have all */
};

/* For a region of @dirty's size, also after another one's. -ENOMEM; needs no finish then. */
int order_init(struct order *self, const struct region *dirty);
void order_finish(struct order *self);

/* A frame begins; the one before it is complete, or cut: what it did not take is still dirty.
 */
void order_begin(struct order *self, const struct region *dirty);

/*
 * The next tile's box: it is clean from then on. Returns false when this frame has all. What
 * becomes dirty behind what was taken waits for the next one.
 */
bool order_take(struct order *self, struct region *dirty, struct rect *ret);

/* Would order_take() find one more? */
bool order_has_more(const struct order *self, const struct region *dirty);
