/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop/xcb-source.h"

#include <errno.h>
#include <poll.h>
#include <xcb/xcbext.h>

#include "base/list.h"
#include "base/mem.h"

#define EVENTS_PER_WAKE_UP 4096

struct await {
	struct list link;
	unsigned sequence;
	xcb_source_reply_fn callback;
	void *data;
};

struct xcb_source {
	xcb_connection_t *connection;
	sd_event_source *io;
	sd_event_source *again; /* what libxcb has read already wakes nobody: this does */
	const struct xcb_source_events *events; /* borrowed */
	void *data;
	struct list awaits; /* oldest first */
	uint64_t seen;	    /* xcb_total_read() when all that was read had been dispatched */
	bool stalled;
	bool broken;	  /* told */
	bool dispatching; /* destroy leaves the memory to the dispatcher */
	bool destroyed;
};

static bool alive(const struct xcb_source *self)
{
	return !self->destroyed && !xcb_connection_has_error(self->connection);
}

static void dispatch_event(struct xcb_source *self, xcb_generic_event_t *event)
{
	self->events->event(self->data, event);
	free(event);
}

static void drop_await(struct await *await)
{
	list_remove(&await->link);
	free(await);
}

/* Calls one callback whose reply is there. */
static bool dispatch_reply(struct xcb_source *self)
{
	struct await *await, *safe;

	list_for_each_safe(await, safe, &self->awaits, link) {
		xcb_source_reply_fn callback = await->callback;
		void *data = await->data;
		xcb_generic_error_t *error = NULL;
		void *reply = NULL;

		if (!xcb_poll_for_reply(self->connection, await->sequence, &reply, &error))
			continue;
		/* Of a dead connection it says that all are there. */
		if (!reply && !error && xcb_connection_has_error(self->connection))
			return false;
		drop_await(await);
		callback(data, reply, error);
		free(reply);
		free(error);
		return true;
	}
	return false;
}

static void dispatch_queued(struct xcb_source *self)
{
	xcb_generic_event_t *event;
	uint64_t seen;

	do {
		seen = xcb_total_read(self->connection);
		while (alive(self) && (event = xcb_poll_for_queued_event(self->connection)))
			dispatch_event(self, event);
		while (alive(self) && dispatch_reply(self))
			;
	} while (alive(self) && xcb_total_read(self->connection) != seen);
	self->seen = seen;
}

static void tell_broken(struct xcb_source *self)
{
	if (self->destroyed || self->broken || !xcb_connection_has_error(self->connection))
		return;
	self->broken = true;
	sd_event_source_set_enabled(self->io, SD_EVENT_OFF);
	sd_event_source_set_enabled(self->again, SD_EVENT_OFF);
	self->events->broken(self->data);
}

static void release(struct xcb_source *self)
{
	xcb_disconnect(self->connection);
	free(self);
}

/* A flood of events must not starve the rest of the loop: what is left wakes us again. */
static void dispatch_readable(struct xcb_source *self)
{
	for (unsigned n = 0; n < EVENTS_PER_WAKE_UP && alive(self); n++) {
		xcb_generic_event_t *event = xcb_poll_for_event(self->connection);

		if (!event)
			break;
		dispatch_event(self, event);
	}
}

static void dispatch(struct xcb_source *self, bool readable)
{
	self->dispatching = true;
	if (readable)
		dispatch_readable(self);
	if (alive(self))
		dispatch_queued(self);
	if (alive(self) && self->events->drained)
		self->events->drained(self->data);
	if (alive(self))
		xcb_source_flush(self);
	tell_broken(self);
	self->dispatching = false;
	if (self->destroyed)
		release(self);
}

static int handle_io(sd_event_source *source, int fd, uint32_t revents, void *data)
{
	(void)source;
	(void)fd;
	dispatch(data, revents & ~(uint32_t)POLLOUT);
	return 0;
}

static int handle_again(sd_event_source *source, void *data)
{
	(void)source;
	/* Reads too: awaited replies might do so, and come before the events before them. */
	dispatch(data, true);
	return 0;
}

static int handle_prepare(sd_event_source *source, void *data)
{
	struct xcb_source *self = data;

	(void)source;
	if (self->broken)
		return 0;
	xcb_source_flush(self);
	if (xcb_total_read(self->connection) != self->seen
		|| xcb_connection_has_error(self->connection))
		return sd_event_source_set_enabled(self->again, SD_EVENT_ONESHOT);
	return 0;
}

void xcb_source_flush(struct xcb_source *self)
{
	struct pollfd pfd = { .fd = xcb_get_file_descriptor(self->connection),
		.events = POLLOUT };
	bool stalled = poll(&pfd, 1, 0) == 0;

	if (stalled != self->stalled) {
		self->stalled = stalled;
		sd_event_source_set_io_events(self->io, stalled ? POLLIN | POLLOUT : POLLIN);
	}
	if (!stalled)
		xcb_flush(self->connection);
}

void xcb_source_wake(struct xcb_source *self)
{
	if (!self->dispatching && !self->broken)
		sd_event_source_set_enabled(self->again, SD_EVENT_ONESHOT);
}

bool xcb_source_is_stalled(const struct xcb_source *self)
{
	return self->stalled;
}

static int add_sources(struct xcb_source *self, sd_event *event)
{
	int r;

	r = sd_event_add_io(event, &self->io, xcb_get_file_descriptor(self->connection), POLLIN,
		handle_io, self);
	if (r < 0)
		return r;
	r = sd_event_source_set_prepare(self->io, handle_prepare);
	if (r < 0)
		return r;
	r = sd_event_add_defer(event, &self->again, handle_again, self);
	if (r < 0)
		return r;
	return sd_event_source_set_enabled(self->again, SD_EVENT_OFF);
}

static void remove_sources(struct xcb_source *self)
{
	self->again = sd_event_source_disable_unref(self->again);
	self->io = sd_event_source_disable_unref(self->io);
}

int xcb_source_create(struct xcb_source **ret, sd_event *event, xcb_connection_t *connection,
	const struct xcb_source_events *events, void *data)
{
	struct xcb_source *self = mem_new(struct xcb_source);
	int r;

	if (!self)
		return -ENOMEM;
	*self = (struct xcb_source){
		.connection = connection, .events = events, .data = data
	};
	list_init(&self->awaits);
	r = add_sources(self, event);
	if (r < 0) {
		remove_sources(self);
		free(self);
		return r;
	}
	*ret = self;
	return 0;
}

void xcb_source_destroy(struct xcb_source *self)
{
	struct await *await, *safe;

	if (!self)
		return;
	remove_sources(self);
	list_for_each_safe(await, safe, &self->awaits, link)
		drop_await(await);
	self->destroyed = true;
	if (!self->dispatching)
		release(self);
}

xcb_connection_t *xcb_source_connection(const struct xcb_source *self)
{
	return self->connection;
}

int xcb_source_await(struct xcb_source *self, unsigned sequence,
	xcb_source_reply_fn callback, void *data)
{
	struct await *await = mem_new(struct await);

	if (!await) {
		xcb_discard_reply(self->connection, sequence);
		return -ENOMEM;
	}
	await->sequence = sequence;
	await->callback = callback;
	await->data = data;
	list_append(&self->awaits, &await->link);
	return 0;
}

int xcb_source_await_check(struct xcb_source *self, xcb_void_cookie_t cookie,
	xcb_source_reply_fn callback, void *data)
{
	int r = xcb_source_await(self, cookie.sequence, callback, data);

	if (r < 0)
		return r;
	/* Success is silent: only the answer to a later request tells of it. */
	xcb_discard_reply(self->connection, xcb_get_input_focus(self->connection).sequence);
	return 0;
}

void xcb_source_forget(struct xcb_source *self, const void *data)
{
	struct await *await, *safe;

	list_for_each_safe(await, safe, &self->awaits, link) {
		if (await->data != data)
			continue;
		xcb_discard_reply(self->connection, await->sequence);
		drop_await(await);
	}
}
