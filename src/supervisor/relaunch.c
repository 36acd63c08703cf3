/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/relaunch.h"

void relaunch_init(struct relaunch *self, const struct relaunch_limits *limits)
{
	*self = (struct relaunch){ .limits = limits };
}

void relaunch_started(struct relaunch *self, usec_t now)
{
	const struct relaunch_limits *limits = self->limits;

	self->started = now;
	self->earliest = now + (self->n_short >= limits->slow_after ? limits->slow_delay
								    : limits->fast_delay);
}

enum relaunch_verdict relaunch_ended(
	struct relaunch *self, usec_t now, bool expected, usec_t *ret_at)
{
	const struct relaunch_limits *limits = self->limits;

	/* A clock that goes back says nothing about how long it ran. */
	if (now >= self->started && now - self->started >= limits->healthy_after)
		self->n_short = 0;
	else if (!expected)
		self->n_short++;

	if (limits->give_up_after && self->n_short >= limits->give_up_after)
		return RELAUNCH_GIVE_UP;

	*ret_at = self->earliest > now ? self->earliest : now;
	return RELAUNCH_AT;
}
