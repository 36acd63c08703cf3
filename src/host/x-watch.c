/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/x-watch.h"

#include <string.h>

#include "base/log.h"

static void ask(struct x_watch *self, usec_t limit);

static void tell(struct x_watch *self, bool answers)
{
	if (self->silent == !answers)
		return;
	self->silent = !answers;
	self->changed(self->data, answers);
}

static void handle_ping(void *data, bool answers)
{
	struct x_watch *self = data;

	if (!answers)
		ask(self, USEC_NEVER); /* until it comes back */
	else if (self->wanted)
		x_watch_want(self);
	/* May stop us. */
	tell(self, answers);
}

static void ask(struct x_watch *self, usec_t limit)
{
	int r = xcb_ping_start(
		&self->ping, self->event, self->source, limit, handle_ping, self);

	self->wanted = false;
	if (r < 0)
		log_warning("cannot ask whether the display answers: %s", strerror(-r));
}

static void handle_pause(void *data)
{
	ask(data, X_WATCH_LIMIT_USEC);
}

void x_watch_start(struct x_watch *self, sd_event *event, struct xcb_source *source,
	void (*changed)(void *data, bool answers), void *data)
{
	*self = (struct x_watch){
		.event = event, .source = source, .changed = changed, .data = data
	};
}

void x_watch_stop(struct x_watch *self)
{
	limit_stop(&self->pause);
	xcb_ping_cancel(&self->ping);
	self->source = NULL;
}

void x_watch_want(struct x_watch *self)
{
	int r;

	self->wanted = true;
	if (!self->source || self->pause.timer || xcb_ping_waits(&self->ping))
		return;
	r = limit_start(&self->pause, self->event, X_WATCH_PAUSE_USEC, handle_pause, self);
	if (r < 0)
		log_warning("cannot wait for the display: %s", strerror(-r));
}
