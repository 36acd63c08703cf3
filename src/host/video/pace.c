/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/video/pace.h"

#include "base/mem.h"

#define SMOOTHING 8    /* pictures */
#define UP_SHARE 0.85  /* of the budget, that a better step may need */
#define DOWN_SHARE 1.1 /* that the present one may need */
#define HALF_COST 0.25 /* of a whole picture's; some codecs do better: then it stays a half */

/* So that a film of 60 pictures a second loses one in two, two in three, …: evenly. */
static const unsigned rates[] = { 60, 30, 20, 15, 12, 10, 6, 5, 3, 2, 1 };

void pace_init(struct pace *self, double budget, bool can_halve)
{
	*self = (struct pace){ .budget = budget, .can_halve = can_halve };
}

void pace_set_budget(struct pace *self, double budget)
{
	self->budget = budget;
}

static bool is_half(const struct pace *self, unsigned step)
{
	return self->can_halve && step > 0;
}

static unsigned rate_of(const struct pace *self, unsigned step)
{
	return rates[is_half(self, step) ? step - 1 : step];
}

/* What a picture of that step will cost, as far as is known. */
static double cost_at(const struct pace *self, unsigned step)
{
	bool half = is_half(self, step);

	if (half == is_half(self, self->step))
		return self->cost;
	return half ? self->cost * HALF_COST : self->cost / HALF_COST;
}

static bool is_affordable(const struct pace *self, unsigned step, double share)
{
	return cost_at(self, step) * rate_of(self, step)
	       <= self->budget * share * (double)USEC_PER_SEC;
}

static void go_to(struct pace *self, unsigned step)
{
	self->cost = cost_at(self, step);
	self->step = step;
}

void pace_begin_half(struct pace *self)
{
	self->step = self->can_halve;
}

void pace_note(struct pace *self, usec_t cost, usec_t link, bool half, usec_t now)
{
	unsigned last = ARRAY_SIZE(rates) - 1 + self->can_halve;
	double most = (double)link * self->budget;

	if (half != is_half(self, self->step))
		return; /* begun before the step */
	if (most < (double)cost)
		most = (double)cost;
	self->cost = self->cost > 0 ? self->cost + (most - self->cost) / SMOOTHING : most;
	while (self->step < last && !is_affordable(self, self->step, DOWN_SHARE))
		go_to(self, self->step + 1);
	if (self->step == 0 || !is_affordable(self, self->step - 1, UP_SHARE)) {
		self->cheap = 0;
	} else if (self->cheap == 0) {
		self->cheap = now;
	} else if (now - self->cheap >= PACE_UP_USEC) {
		go_to(self, self->step - 1);
		self->cheap = 0;
	}
}

unsigned pace_per_second(const struct pace *self)
{
	return rate_of(self, self->step);
}

bool pace_is_half(const struct pace *self)
{
	return is_half(self, self->step);
}

usec_t pace_interval(const struct pace *self)
{
	return USEC_PER_SEC * 3 / 4 / rate_of(self, self->step);
}
