/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What the viewers of one encoder have: a hash of each tile of their picture, and of each slot
 * that STORE filled (docs/protocol.md). So a menu or a window that comes back costs a few bytes a
 * tile. It may know less than they have, never other things: what it is not sure of it forgets.
 *
 * The hash is XXH3's of 128 bits with a seed that nobody outside knows, so that no picture can be
 * made to look like another.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "host/encode/encode.h"
#include "host/scene/rect.h"
#include "host/scene/scene.h"

#define CACHE_STORE_PX 256 /* a change of less is cheaper to send than to remember */
#define CACHE_STOOD_USEC ENCODE_REST_USEC /* what was seen so long may come again */

struct cache_hash {
	uint64_t low;
	uint64_t high;
};

struct cache_tile {
	struct cache_hash hash;
	usec_t since;
	bool is_known;
	bool is_solid; /* and cheap without a slot */
};

struct cache_slot {
	struct cache_hash hash;
	uint8_t width; /* 0: empty */
	uint8_t height;
	uint16_t next_in_bucket;
	uint16_t newer; /* the order in which they were last of use */
	uint16_t older;
};

struct cache {
	uint64_t seed;
	unsigned columns;
	unsigned rows;
	struct cache_tile *tiles;
	size_t n_unknown; /* tiles */
	size_t look_at;	  /* the next one to look at */
	struct cache_slot *slots;
	uint16_t *buckets;
	uint16_t newest;
	uint16_t oldest;
};

/* How to bring a tile up to date; slots are -1 for none. */
struct cache_plan {
	bool is_same; /* nothing is to be sent */
	int store;    /* first, what it was goes into this slot; */
	int cached;   /* then it comes out of this one, and needs no pixels */
};

/* For a screen of 0x0. -ENOMEM. */
int cache_init(struct cache *self, uint64_t seed);
void cache_finish(struct cache *self);

/* SCREEN: nothing is known, nothing stored. -ENOMEM: it is as for 0x0 then, and plans nothing. */
int cache_resize(struct cache *self, unsigned width, unsigned height);

/* The same on the same screen: whoever reads along from now on may have other things. */
void cache_forget(struct cache *self);

/* So with the tiles that @rect touches: a COPY or a PICTURE has changed them. */
void cache_forget_rect(struct cache *self, const struct rect *rect);

/**
 * cache_plan() - one tile changes
 * @scene:  as the tile is to be; of the size that cache_resize() was told
 * @box:    the part that changes: within one tile
 *
 * What @ret says must be done: from now on the tile counts as what @scene has.
 */
void cache_plan(struct cache *self, const struct scene *scene, const struct rect *box, usec_t now,
	struct cache_plan *ret);

#define CACHE_LOOK_MAX 512 /* tiles at once: some 2 ms */

/*
 * When the viewers have just what @scene has, and have had it for CACHE_STOOD_USEC: what was
 * forgotten becomes known again, so that it can be stored. Returns whether there is more to look
 * at.
 */
bool cache_look(struct cache *self, const struct scene *scene, usec_t now);
