/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/order.h"

#include <errno.h>

#include "base/mem.h"

#define WAITED_MAX 1 /* it may be that there was only no room behind others of its kind */
#define BUSY_FROM 1
#define BUSY_MAX 2

int order_init(struct order *self, const struct region *dirty)
{
	size_t n = (size_t)dirty->rows * dirty->columns;

	*self = (struct order){ .n_tiles = n, .pass = ORDER_DONE };
	self->tiles = mem_alloc(n ? n : 1, sizeof(*self->tiles));
	return self->tiles ? 0 : -ENOMEM;
}

void order_finish(struct order *self)
{
	free(TAKE_PTR(self->tiles));
}

static void note(struct order_tile *tile, bool dirty)
{
	if (dirty && !tile->taken) {
		tile->waited += tile->waited < UINT8_MAX;
	} else {
		tile->waited = 0;
		if (dirty)
			tile->busy += tile->busy < BUSY_MAX;
		else if (tile->taken)
			tile->busy -= tile->busy > 0;
	}
	tile->taken = false;
}

static void note_all(struct order *self, const struct region *dirty)
{
	size_t next = 0, found;
	struct rect box;

	for (size_t i = 0; i < self->n_tiles; i = found + 1) {
		found = region_next(dirty, &next, &box) ? next - 1 : self->n_tiles;
		for (size_t clean = i; clean < found; clean++)
			note(&self->tiles[clean], false);
		if (found < self->n_tiles)
			note(&self->tiles[found], true);
	}
}

static void forget(struct order *self)
{
	memset(self->tiles, 0, self->n_tiles * sizeof(*self->tiles));
	self->turn = 0;
}

void order_begin(struct order *self, const struct region *dirty)
{
	bool cut = order_has_more(self, dirty);
	/* If even these were too many, the others have their turn first. */
	enum order_pass first = cut && self->pass == ORDER_FRESH ? ORDER_TURN : ORDER_FRESH;

	if (cut) {
		note_all(self, dirty);
		if (self->pass != ORDER_FRESH || !self->cut)
			self->turn = self->at;
	} else if (self->cut) {
		forget(self);
	}
	self->cut = cut;
	self->pass = first;
	self->at = first == ORDER_TURN ? self->turn : 0;
}

static bool is_fresh(const struct order_tile *tile)
{
	return tile->waited <= WAITED_MAX && tile->busy < BUSY_FROM;
}

/* Moves @self to the next tile that is to be taken, and does not take it. */
static bool find(struct order *self, const struct region *dirty, struct rect *ret)
{
	/* When none was cut, the first pass has all. */
	enum order_pass last = self->cut ? ORDER_REST : ORDER_FRESH;

	for (; self->pass <= last; self->pass++) {
		size_t next = self->at;

		while (region_next(dirty, &next, ret)) {
			if (self->pass == ORDER_REST && next > self->turn)
				break;
			self->at = next - 1;
			if (self->pass != ORDER_FRESH || is_fresh(&self->tiles[self->at]))
				return true;
			self->at = next;
		}
		self->at = self->pass == ORDER_FRESH ? self->turn : 0;
	}
	self->pass = ORDER_DONE;
	return false;
}

bool order_take(struct order *self, struct region *dirty, struct rect *ret)
{
	if (!find(self, dirty, ret))
		return false;
	/* Only then it is looked at again. */
	self->tiles[self->at].taken = self->cut;
	return region_take(dirty, &self->at, ret);
}

bool order_has_more(const struct order *self, const struct region *dirty)
{
	struct order copy = *self;
	struct rect box;

	return find(&copy, dirty, &box);
}
