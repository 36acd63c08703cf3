/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/scene/votes.h"

#include <errno.h>

#include "base/mem.h"

#define NOWHERE (-1)
#define MANY (-2)

static unsigned slots_for(unsigned n_lines)
{
	unsigned n = 2;

	while (n < 2 * n_lines)
		n *= 2;
	return n;
}

int votes_init(struct votes *self, unsigned length)
{
	struct votes votes = { .length = length };

	votes.counts = mem_alloc(2 * (size_t)length + 1, sizeof(*votes.counts));
	votes.lines = mem_alloc(length, sizeof(*votes.lines));
	votes.slots = mem_alloc(slots_for(length), sizeof(*votes.slots));
	if (!votes.counts || !votes.lines || !votes.slots) {
		votes_finish(&votes);
		return -ENOMEM;
	}
	*self = votes;
	return 0;
}

void votes_finish(struct votes *self)
{
	free(self->counts);
	free(self->lines);
	free(self->slots);
	*self = (struct votes){ 0 };
}

void votes_clear(struct votes *self)
{
	memset(self->counts, 0, (2 * (size_t)self->length + 1) * sizeof(*self->counts));
	self->n_unclear = 0;
	self->n_lines = 0;
}

void votes_add(struct votes *self, int at, uint32_t old, uint32_t new)
{
	self->lines[self->n_lines++] = (struct votes_line){ at, old, new };
}

/* Its own slot, or the free one where it belongs. */
static struct votes_slot *find(struct votes *self, unsigned n_slots, uint32_t hash)
{
	uint32_t i = hash ^ hash >> 15;
	struct votes_slot *slot;

	do
		slot = &self->slots[i++ & (n_slots - 1)];
	while (slot->at != NOWHERE && slot->hash != hash);
	return slot;
}

void votes_count(struct votes *self)
{
	unsigned n_slots = slots_for(self->n_lines);

	for (unsigned i = 0; i < n_slots; i++)
		self->slots[i].at = NOWHERE;
	for (unsigned i = 0; i < self->n_lines; i++) {
		const struct votes_line *line = &self->lines[i];
		struct votes_slot *slot = find(self, n_slots, line->old);

		*slot = (struct votes_slot){ line->old, slot->at == NOWHERE ? line->at : MANY };
	}
	for (unsigned i = 0; i < self->n_lines; i++) {
		const struct votes_line *line = &self->lines[i];
		const struct votes_slot *slot = find(self, n_slots, line->new);

		if (line->new == line->old)
			continue;
		if (slot->at >= 0)
			self->counts[line->at - slot->at + (int)self->length]++;
		self->n_unclear += slot->at == MANY;
	}
	self->n_lines = 0;
}

unsigned votes_best(const struct votes *self, int *ret_distance)
{
	unsigned best = self->length;

	for (unsigned i = 0; i <= 2 * self->length; i++) {
		if (self->counts[i] > self->counts[best])
			best = i;
	}
	*ret_distance = (int)best - (int)self->length;
	return self->counts[best];
}

unsigned votes_unclear(const struct votes *self)
{
	return self->n_unclear;
}

void votes_strike(struct votes *self, int distance)
{
	self->counts[distance + (int)self->length] = 0;
}
