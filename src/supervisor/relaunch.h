/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Relaunch policy: when may a process that ended be started again?
 *
 * Pure arithmetic on times that the caller passes in: it reads no clock and
 * starts nothing, so that a test can walk it through hours in a microsecond.
 * The supervisor keeps one per component. Spec: INH-1..4, SUP-3.
 */

#include <stdbool.h>

#include "base/clock.h"

struct relaunch_limits {
	usec_t healthy_after; /* a run this long clears the count */
	usec_t fast_delay;
	usec_t slow_delay;
	unsigned slow_after;    /* short runs before slow_delay applies */
	unsigned give_up_after; /* 0: never */
};

enum relaunch_verdict {
	RELAUNCH_AT,
	RELAUNCH_GIVE_UP,
};

struct relaunch {
	const struct relaunch_limits *limits; /* borrowed */
	usec_t started;
	usec_t earliest; /* next start; fixed when the run starts, as INH-2 has it */
	unsigned n_short;
};

void relaunch_init(struct relaunch *self, const struct relaunch_limits *limits);

void relaunch_started(struct relaunch *self, usec_t now);

/**
 * relaunch_ended() - record the end of a run and decide what comes next
 * @expected:   we asked it to end (reload, resize): a short run is then no failure
 * @ret_at:     set on RELAUNCH_AT only: the earliest time of the next start
 */
enum relaunch_verdict relaunch_ended(
	struct relaunch *self, usec_t now, bool expected, usec_t *ret_at);
