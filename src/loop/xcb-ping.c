/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop/xcb-ping.h"

#include <errno.h>

static void end(struct xcb_ping *self, bool answers)
{
	xcb_ping_cancel(self);
	self->done(self->data, answers);
}

static void handle_answer(void *data, const void *reply, const xcb_generic_error_t *error)
{
	(void)reply;
	(void)error;
	end(data, true);
}

static void handle_limit(void *data)
{
	end(data, false);
}

int xcb_ping_start(struct xcb_ping *self, sd_event *event, struct xcb_source *source,
	usec_t limit, void (*done)(void *data, bool answers), void *data)
{
	int r = 0;

	xcb_ping_cancel(self);
	self->done = done;
	self->data = data;
	if (source) {
		r = xcb_source_await(source,
			xcb_get_input_focus(xcb_source_connection(source)).sequence,
			handle_answer, self);
		if (r == -ENOMEM)
			return r;
		self->source = r < 0 ? NULL : source;
		r = 0;
	}
	if (!self->source || limit != USEC_NEVER)
		r = limit_start(
			&self->limit, event, self->source ? limit : 0, handle_limit, self);
	if (r < 0)
		xcb_ping_cancel(self);
	return r;
}

bool xcb_ping_waits(const struct xcb_ping *self)
{
	return self->source || self->limit.timer;
}

void xcb_ping_cancel(struct xcb_ping *self)
{
	limit_stop(&self->limit);
	if (self->source)
		xcb_source_forget(self->source, self);
	self->source = NULL;
}
