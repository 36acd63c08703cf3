/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/analysis.h"

/* Some 0.5 ms. */
#define STEP_PX ((size_t)512 << 10)

static void go_on(struct analysis *self)
{
	bool changed;

	if (moves_go_on(&self->moves, STEP_PX, &changed))
		self->done(self->data, changed);
	else
		sd_event_source_set_enabled(self->more, SD_EVENT_ONESHOT);
}

/* A timer whose time has come takes turns; a deferred source would have all of them. */
static int handle_more(sd_event_source *source, uint64_t usec, void *data)
{
	(void)source;
	(void)usec;
	go_on(data);
	return 0;
}

int analysis_init(struct analysis *self, sd_event *event, struct scene *scene, analysis_fn done,
	void *data)
{
	int r;

	*self = (struct analysis){ .done = done, .data = data };
	moves_init(&self->moves, scene);
	r = sd_event_add_time(event, &self->more, CLOCK_MONOTONIC, 0, 1, handle_more, self);
	if (r >= 0)
		r = sd_event_source_set_enabled(self->more, SD_EVENT_OFF);
	if (r < 0)
		analysis_finish(self);
	return r;
}

void analysis_finish(struct analysis *self)
{
	self->more = sd_event_source_disable_unref(self->more);
	moves_finish(&self->moves);
}

void analysis_drop(struct analysis *self)
{
	sd_event_source_set_enabled(self->more, SD_EVENT_OFF);
	moves_drop(&self->moves);
}

void analysis_handle_resize(struct analysis *self)
{
	analysis_drop(self);
	moves_handle_resize(&self->moves);
}

void analysis_start(struct analysis *self, const struct moves_batch *batch)
{
	moves_start(&self->moves, batch);
	go_on(self);
}
