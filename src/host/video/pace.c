/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/video/pace.h"

#include <stdbool.h>

#include "base/mem.h"

#define SMOOTHING 8    /* pictures */
#define UP_SHARE 0.85  /* of the budget, that a better step may need */
#define DOWN_SHARE 1.1 /* that the present one may need */

/* So that a film of 60 pictures a second loses one in two, two in three, …: evenly. */
static const unsigned steps[] = { 60, 30, 20, 15, 12, 10, 6, 5, 3, 2, 1 };

void pace_init(struct pace *self, double budget)
{
	*self = (struct pace){ .budget = budget };
}

void pace_set_budget(struct pace *self, double budget)
{
	self->budget = budget;
}

static bool is_affordable(const struct pace *self, unsigned step, double share)
{
	return self->cost * steps[step] <= self->budget * share * (double)USEC_PER_SEC;
}

void pace_note(struct pace *self, usec_t cost, usec_t now)
{
	self->cost = self->cost > 0 ? self->cost + ((double)cost - self->cost) / SMOOTHING
				    : (double)cost;
	while (self->step + 1 < ARRAY_SIZE(steps) &&
		!is_affordable(self, self->step, DOWN_SHARE))
		self->step++;
	if (self->step == 0 || !is_affordable(self, self->step - 1, UP_SHARE)) {
		self->cheap = 0;
	} else if (self->cheap == 0) {
		self->cheap = now;
	} else if (now - self->cheap >= PACE_UP_USEC) {
		self->step--;
		self->cheap = 0;
	}
}

unsigned pace_per_second(const struct pace *self)
{
	return steps[self->step];
}

usec_t pace_interval(const struct pace *self)
{
	return USEC_PER_SEC * 3 / 4 / steps[self->step];
}
