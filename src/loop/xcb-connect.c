/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop/xcb-connect.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/mem.h"
#include "loop/limit.h"
#include "loop/xcb-greeting.h"

#define WAIT_USEC (5 * USEC_PER_SEC)

struct xcb_connecting {
	struct xcb_greeting greeting;
	sd_event_source *io;
	struct limit limit;
	xcb_connected_fn done;
	void *data;
};

static int wait_readable(int fd, usec_t deadline)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	usec_t now = clock_now();
	int r;

	if (now >= deadline)
		return -ETIMEDOUT;
	r = poll(&poller, 1, (int)((deadline - now) / USEC_PER_MSEC) + 1);
	return r < 0 && errno != EINTR ? -errno : 0;
}

int xcb_connect_file(
	const char *display, const char *authority, xcb_connection_t **ret, int *ret_screen)
{
	CLEANUP(xcb_greeting) struct xcb_greeting greeting = { .fd = -1 };
	usec_t deadline = clock_now() + WAIT_USEC;
	int r = xcb_greeting_begin(&greeting, display, authority);

	if (r < 0)
		return r;
	while ((r = xcb_greeting_read(&greeting)) == -EAGAIN) {
		r = wait_readable(greeting.fd, deadline);
		if (r < 0)
			return r;
	}
	if (r == 0)
		r = xcb_greeting_take(&greeting, ret);
	if (r == 0 && ret_screen)
		*ret_screen = greeting.screen;
	return r;
}

static void end(struct xcb_connecting *self, int error)
{
	xcb_connected_fn done = self->done;
	void *data = self->data;
	int screen = self->greeting.screen;
	xcb_connection_t *connection = NULL;

	/* The loop has to let go of the descriptor before it becomes another's. */
	self->io = sd_event_source_disable_unref(self->io);
	if (!error)
		error = xcb_greeting_take(&self->greeting, &connection);
	xcb_connect_cancel(self);
	done(data, error, connection, screen);
}

static int handle_readable(sd_event_source *source, int fd, uint32_t revents, void *data)
{
	struct xcb_connecting *self = data;
	int r = xcb_greeting_read(&self->greeting);

	(void)source;
	(void)fd;
	(void)revents;
	if (r != -EAGAIN)
		end(self, r);
	return 0;
}

static void handle_limit(void *data)
{
	end(data, -ETIMEDOUT);
}

int xcb_connect_start(struct xcb_connecting **ret, sd_event *event, const char *display,
	const char *authority, usec_t limit, xcb_connected_fn done, void *data)
{
	struct xcb_connecting *self = mem_new(struct xcb_connecting);
	int r;

	if (!self)
		return -ENOMEM;
	self->done = done;
	self->data = data;
	r = xcb_greeting_begin(&self->greeting, display, authority);
	if (r >= 0)
		r = sd_event_add_io(
			event, &self->io, self->greeting.fd, EPOLLIN, handle_readable, self);
	if (r >= 0 && limit != USEC_NEVER)
		r = limit_start(&self->limit, event, limit, handle_limit, self);
	if (r < 0) {
		xcb_connect_cancel(self);
		return r;
	}
	*ret = self;
	return 0;
}

void xcb_connect_cancel(struct xcb_connecting *self)
{
	if (!self)
		return;
	sd_event_source_disable_unref(self->io);
	limit_stop(&self->limit);
	xcb_greeting_finish(&self->greeting);
	free(self);
}
