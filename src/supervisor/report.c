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
	*self = (struct report){ .fd = -1 };
	if (fd_is_open(REPORT_FD)) {
		fcntl(REPORT_FD, F_SETFD, FD_CLOEXEC);
		self->fd = REPORT_FD;
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

static void handle_record(void *data, const char *text)
{
	struct report *self = data;
	char line[2200];
	int n;

	if (self->fd < 0 || !has_room(self))
		return;
	/* That it fails is told with READY (MSG-3). */
	n = snprintf(line, sizeof(line), "MSG:%s\n", text);
	sys_write_all(self->fd, line, (size_t)n);
}

void report_init_log(struct report *self)
{
	report_init(self, false);
	self->is_log = true;
	log_set_listener(handle_record, self);
}

/* Whoever waited may be gone: that is no trouble of ours. */
static void send(struct report *self, const char *text, size_t n)
{
	if (self->fd >= 0 && has_room(self) && sys_write_all(self->fd, text, n) < 0)
		self->fd = self->plain ? -1 : fd_close(self->fd);
}

/* Each line of the text with @prefix before it. */
__attribute__((format(printf, 3, 0))) static void send_lines(struct report *self, const char *prefix, const char *format, va_list args)
{
	char text[2048], line[2080];

	vsnprintf(text, sizeof(text), format, args);
	for (char *at = text, *next; at; at = next) {
		int n;

		next = strchr(at, '\n');
		if (next)
			*next++ = '\0';
		n = snprintf(line, sizeof(line), "%s%s\n", prefix, at);
		send(self, line, (size_t)n);
	}
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
	send_lines(self, self->plain ? "" : "MSG:", format, args);
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
	if (sys_write_all(self->fd, "READY\n", 6) < 0 && self->is_log) {
		self->fd = fd_close(self->fd); /* or the record would go there, too */
		log_warning("Caught IOError writing READY message.");
	}
	report_failed(self);
}

void report_failed(struct report *self)
{
	if (report_is_awaited(self))
		self->fd = fd_close(self->fd);
}
