/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * A time within which somebody else has to answer. Time in which we did not run ourselves is
 * not held against them: whoever stops us (SIGSTOP to the whole tree, the freezer of a cgroup,
 * a paused virtual machine) mostly stops them too (SUP-07). So the time is counted in slices:
 * one that ended late does not count, and two seconds at least follow it. It costs a wake-up a
 * second while it runs.
 */

#include <systemd/sd-event.h>

#include "base/clock.h"

/* Called from the loop, once; the limit may be started again from within. */
typedef void (*limit_passed_fn)(void *data);

/* Zeroes: it does not run. */
struct limit {
	sd_event_source *timer; /* NULL: it does not run */
	usec_t time, left;
	limit_passed_fn passed;
	void *data;
};

/* @time: CLOCK_MONOTONIC, from now on. One that runs begins anew. Returns 0 or negative errno.
 */
int limit_start(
	struct limit *self, sd_event *event, usec_t time, limit_passed_fn passed, void *data);

/* Also when it does not run. */
void limit_stop(struct limit *self);
