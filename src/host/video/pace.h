/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * How many pictures a second a CPU budget affords. Goes down as soon as they cost too much, and
 * up only after a while in which more would have been affordable, so that a film's pace is
 * even.
 */

#include "base/clock.h"

#define PACE_UP_USEC (2 * USEC_PER_SEC)

struct pace {
	double budget; /* CPU seconds a second */
	double cost;   /* of a picture, smoothed, µs of CPU; 0: none yet */
	unsigned step; /* of 60, 30, 20, 15, 12, 10, 6, 5, 3, 2, 1 a second */
	usec_t cheap;  /* since when the next better step is affordable; 0: it is not */
};

void pace_init(struct pace *self, double budget);

/* May change at any time; takes effect with the next picture. */
void pace_set_budget(struct pace *self, double budget);

/* A picture has cost this much CPU. */
void pace_note(struct pace *self, usec_t cost, usec_t now);

unsigned pace_per_second(const struct pace *self);

/* From one picture's start to the next one's, at least. Less than the period: no film is in
 * time. */
usec_t pace_interval(const struct pace *self);
