/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/report.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/report-fd.h"
#include "base/sys.h"

/* A pipe holds twice as much, even when each of its pages has one line only. */
#define BACKLOG_MAX (16 * 1024)

void report_init(struct report *self, bool foreground)
{
	*self = (struct report){ .fd = report_fd_find() };
	if (self->fd >= 0) {
		fcntl(self->fd, F_SETFD, FD_CLOEXEC);
	} else if (foreground) {
		self->fd = STDOUT_FILENO;
		self->plain = true;
	}
}

/*
 * Who waits may be stopped, and a full pipe would stop us as well. So what it has not read by then
 * it does not get; but for READY there is always room.
 */
static bool has_room(const struct report *self)
{
	int n = 0;

	return self->plain || ioctl(self->fd, FIONREAD, &n) < 0 || n < BACKLOG_MAX;
}

/* Whoever waited may be gone: that is no trouble of ours. */
static void give_up(struct report *self)
{
	self->fd = self->plain ? -1 : fd_close(self->fd);
}

static void handle_record(void *data, const char *text)
{
	struct report *self = data;

	/* That it fails is told with READY (MSG-3). */
	if (self->fd >= 0 && has_room(self))
		report_fd_send(self->fd, REPORT_MESSAGE, text);
}

void report_init_log(struct report *self)
{
	report_init(self, false);
	self->is_log = true;
	log_set_listener(handle_record, self);
}

/* Each line of the text with @prefix before it. */
__attribute__((format(printf, 3, 0))) static void send_lines(struct report *self, const char *prefix, const char *format, va_list args)
{
	char text[2048];
	int r = 0;

	vsnprintf(text, sizeof(text), format, args);
	if (self->fd >= 0 && has_room(self))
		r = report_fd_send(self->fd, prefix, text);
	/* Without memory a line is lost; who waits for READY waits on. */
	if (r < 0 && r != -ENOMEM)
		give_up(self);
}

bool report_is_journal(const struct report *self)
{
	return self->plain && getenv("JOURNAL_STREAM");
}

void report_line(struct report *self, const char *format, ...)
{
	va_list args;

	if (self->is_log)
		return;
	va_start(args, format);
	send_lines(self, self->plain ? "" : REPORT_MESSAGE, format, args);
	va_end(args);
}

void report_error(struct report *self, const char *format, ...)
{
	struct report plain = { .fd = STDERR_FILENO, .plain = true };
	va_list args;

	if (self->is_log)
		return;
	va_start(args, format);
	if (self->plain)
		send_lines(&plain, "afar: ", format, args);
	else
		send_lines(self, "ERROR:", format, args);
	va_end(args);
}

void report_ready(struct report *self)
{
	if (!report_is_awaited(self))
		return;
	if (sys_write_all(self->fd, REPORT_READY, strlen(REPORT_READY)) < 0) {
		give_up(self); /* or the record would go there, too */
		if (self->is_log)
			log_warning("Caught IOError writing READY message.");
	}
	report_failed(self);
}

void report_failed(struct report *self)
{
	if (report_is_awaited(self))
		self->fd = fd_close(self->fd);
}
