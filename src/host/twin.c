/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/twin.h"

#include <sodium.h>

#include "base/sys.h"

bool twin_wants_key(const struct twin *self, usec_t now)
{
	return now >= self->until;
}

int twin_make_key(struct twin *self, usec_t now)
{
	int r = sys_random(self->key, sizeof(self->key));

	if (r < 0)
		return r;
	self->until = now + TWIN_KEY_USEC;
	self->used = false;
	return 0;
}

bool twin_use_key(struct twin *self, const uint8_t key[STREAM_TWIN_KEY_SIZE], usec_t now)
{
	if (self->used || now >= self->until
		|| sodium_memcmp(self->key, key, sizeof(self->key)) != 0)
		return false;
	self->used = true;
	return true;
}

void twin_begin(struct twin *self, uint32_t n_before)
{
	self->n_came[TWIN_SECOND] = n_before;
}

/* Numbers may wrap around. */
bool twin_take(struct twin *self, enum twin_way way)
{
	uint32_t number = ++self->n_came[way];

	if (number != self->n_done + 1)
		return false;
	self->n_done++;
	return true;
}
