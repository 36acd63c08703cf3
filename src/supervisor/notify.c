/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/notify-socket.h"
#include "base/str.h"

static bool say(struct notify *self, const char *text)
{
	int r;

	if (!self->event || self->fd < 0)
		return false;
	r = notify_socket_send(self->fd, text, strlen(text), false);
	if (r < 0 && !self->is_unheard)
		log_warning("the service manager cannot be told how we do: %s", strerror(-r));
	self->is_unheard = r < 0;
	return r == 0;
}

static void say_ready(struct notify *self)
{
	if (self->is_ready)
		return;
	self->is_ready = say(self, "READY=1");
	self->ready_limit = sd_event_source_unref(self->ready_limit);
}

static int handle_ready_limit(sd_event_source *source, uint64_t usec, void *data)
{
	(void)source;
	(void)usec;
	log_warning("the host is not ready yet; the service manager waits no longer");
	say_ready(data);
	return 0;
}

static int arm_ping(struct notify *self);

static int handle_ping(sd_event_source *source, uint64_t usec, void *data)
{
	struct notify *self = data;

	(void)source;
	(void)usec;
	say(self, "WATCHDOG=1");
	return arm_ping(self);
}

/* After three eighths of the manager's limit, late by one at most: never after half of it (SUP-16). */
static int arm_ping(struct notify *self)
{
	self->ping = sd_event_source_unref(self->ping);
	return sd_event_add_time_relative(self->event, &self->ping, CLOCK_MONOTONIC,
		self->ping_every, self->ping_every / 3, handle_ping, self);
}

/* $WATCHDOG_USEC, when it is meant for us or for the guard; else 0. */
static usec_t watchdog_usec(void)
{
	const char *usec_text = getenv("WATCHDOG_USEC"), *pid_text = getenv("WATCHDOG_PID");
	unsigned long usec, pid;

	if (!usec_text || str_to_uint(usec_text, 1, LONG_MAX, &usec) < 0)
		return 0;
	if (pid_text
		&& (str_to_uint(pid_text, 1, INT_MAX, &pid) < 0
			|| ((pid_t)pid != getpid() && (pid_t)pid != getppid())))
		return 0;
	return usec;
}

void notify_init(struct notify *self, sd_event *event, usec_t ready_limit)
{
	int r;

	*self = (struct notify){ .event = event, .fd = -1 };
	if (!fd_is_open(fd_within_limit(NOTIFY_FD)))
		return;
	self->fd = fd_within_limit(NOTIFY_FD);
	fcntl(self->fd, F_SETFD, FD_CLOEXEC);
	self->ping_every = watchdog_usec() * 3 / 8;
	r = sd_event_add_time_relative(event, &self->ready_limit, CLOCK_MONOTONIC, ready_limit,
		USEC_PER_SEC, handle_ready_limit, self);
	if (r >= 0 && self->ping_every)
		r = arm_ping(self);
	if (r < 0)
		log_warning("no timer can be made for the service manager: %s", strerror(-r));
}

void notify_is_known_ready(struct notify *self)
{
	self->is_ready = true;
	self->ready_limit = sd_event_source_unref(self->ready_limit);
}

void notify_state(struct notify *self, bool host_is_ready, const char *status)
{
	char text[NOTIFY_STATUS_MAX + sizeof("STATUS=")];

	if (self->is_stopping)
		return;
	if (!str_equal(self->status, status)) {
		snprintf(text, sizeof(text), "STATUS=%s", status);
		if (say(self, text))
			snprintf(self->status, sizeof(self->status), "%s", status);
	}
	if (host_is_ready)
		say_ready(self);
}

void notify_reloading(struct notify *self)
{
	char text[64];

	if (!self->is_ready || self->is_stopping)
		return;
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu",
		(unsigned long long)clock_now());
	say(self, text);
}

void notify_reloaded(struct notify *self)
{
	if (self->is_ready && !self->is_stopping)
		say(self, "READY=1");
}

void notify_stopping(struct notify *self, int exit_status)
{
	if (exit_status == 0)
		say_ready(self);
	self->is_stopping = true;
	say(self, "STOPPING=1\nSTATUS=stopping");
}

void notify_finish(struct notify *self)
{
	self->ping = sd_event_source_unref(self->ping);
	self->ready_limit = sd_event_source_unref(self->ready_limit);
	if (self->event)
		self->fd = fd_close(self->fd);
	self->event = NULL;
}

void notify_describe(char *text, size_t size, enum status_state state, const char *display,
	size_t n_viewers)
{
	snprintf(text, size, "%s, %s%s, %zu viewer%s", status_state_name(state),
		display ? "display " : "no display", display ? display : "", n_viewers,
		n_viewers == 1 ? "" : "s");
}
