/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * A child that says on a pipe when it is ready, by one line: X servers
 * (-displayfd: the number, the newline in a write of its own) and dbus-daemon
 * (--print-address).
 */

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#define READY_LINE_MAX 512

/* @line: without the newline. */
typedef void (*ready_line_fn)(void *data, const char *line);

struct keeper;

struct ready_line {
	struct keeper *keeper; /* borrowed */
	const char *kept_as;   /* with the guard; borrowed */
	int fd;
	sd_event_source *source;
	bool is_adopted;
	char text[READY_LINE_MAX];
	size_t length;
	ready_line_fn handle;
	void *data;
};

/**
 * ready_line_open() - make the pipe and wait for the line
 * @keeper:  the guard keeps the reading end as @name, both borrowed: a child whose supervisor was
 *           killed would end of what it has to say
 * @ret_fd:  the writing end, for the child; the caller closes it
 *
 * A child that closes the pipe without a line is noticed by its own end. Returns 0 or negative
 * errno.
 */
int ready_line_open(struct ready_line *self, sd_event *event, struct keeper *keeper,
	const char *name, int *ret_fd, ready_line_fn handle, void *data);

/*
 * Waits on for the line of a child that a supervisor before us has started. That one may have read
 * it, or some of it, as it was killed: a pipe that is closed without one tells of an empty line.
 * -ENOENT: it came.
 */
int ready_line_adopt(struct ready_line *self, sd_event *event, struct keeper *keeper,
	const char *name, ready_line_fn handle, void *data);

/* Safe on a zeroed or closed one. */
void ready_line_close(struct ready_line *self);
