/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * How many pictures a second a budget affords, and how large: of CPU, or, where a codec cannot make
 * them as small as the link would have them, of that. A film that moves is worth more than one that
 * is sharp: before there are fewer of them they have half as many pixels each way.
 * Goes down as soon as they cost too much, and up only after a while in which more would have been
 * affordable, so that a film's pace is even.
 */

#include <stdbool.h>

#include "base/clock.h"

#define PACE_UP_USEC (2 * USEC_PER_SEC)

struct pace {
	double budget; /* CPU seconds a second */
	double cost;   /* of a picture as they are now, smoothed, µs of the budget; 0: none yet */
	bool can_halve;
	/* Of 60, 30, 20, 15, 12, 10, 6, 5, 3, 2, 1 a second; with halves there are two of 60. */
	unsigned step;
	usec_t cheap;  /* since when the next better step is affordable; 0: it is not */
};

void pace_init(struct pace *self, double budget, bool can_halve);

/* Whole pictures would not do: not for a start. */
void pace_begin_half(struct pace *self);

/* May change at any time; takes effect with the next picture. */
void pace_set_budget(struct pace *self, double budget);

/*
 * A picture has cost this much CPU, and at the least this much of the link's time, of which there
 * is as much as of all time. @half: it was one.
 */
void pace_note(struct pace *self, usec_t cost, usec_t link, bool half, usec_t now);

unsigned pace_per_second(const struct pace *self);

/* Is the next picture to have half as many pixels each way? */
bool pace_is_half(const struct pace *self);

/* From one picture's start to the next one's, at least. Less than the period: no film is in
 * time. */
usec_t pace_interval(const struct pace *self);
