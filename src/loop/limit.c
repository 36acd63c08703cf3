/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop/limit.h"


#define SLICE_USEC (1 * USEC_PER_SEC)
/* A loop that comes later than this was kept from running. */
#define LATE_USEC (USEC_PER_SEC / 2)
/* For those who were kept from it as well. */
#define GRACE_USEC (2 * USEC_PER_SEC)

static usec_t next_slice(const struct limit *self)
{
	return self->left < SLICE_USEC ? self->left : SLICE_USEC;
}

static int arm(struct limit *self)
{
	int r = sd_event_source_set_time_relative(self->timer, next_slice(self));

	return r < 0 ? r : sd_event_source_set_enabled(self->timer, SD_EVENT_ONESHOT);
}

static int handle_slice(sd_event_source *source, uint64_t due, void *data)
{
	struct limit *self = data;
	usec_t grace = self->time < GRACE_USEC ? self->time : GRACE_USEC;

	(void)source;
	if (clock_now() <= due + LATE_USEC)
		self->left -= next_slice(self);
	else if (self->left < grace)
		self->left = grace;
	if (self->left && arm(self) >= 0)
		return 0;
	limit_stop(self);
	self->passed(self->data);
	return 0;
}

int limit_start(
	struct limit *self, sd_event *event, usec_t time, limit_passed_fn passed, void *data)
{
	limit_stop(self);
	*self = (struct limit){ .time = time, .left = time, .passed = passed, .data = data };
	/* Accuracy 1: with 0 it would be 250 ms off. */
	return sd_event_add_time_relative(
		event, &self->timer, CLOCK_MONOTONIC, next_slice(self), 1, handle_slice, self);
}

void limit_stop(struct limit *self)
{
	self->timer = sd_event_source_disable_unref(self->timer);
}
