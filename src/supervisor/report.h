/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * News for whoever started us: progress, then ready or failed. `afar start`
 * holds the other end of descriptor REPORT_FD and shows what comes:
 *
 *	MSG:text        a line for the user (MSG-1)
 *	ERROR:text      the same, of what went wrong
 *	READY           it may go (MSG-3); closing without it means failure (MSG-4)
 *
 * In the foreground there is no such descriptor and the lines go to stdout, errors to stderr.
 */

#include <stdbool.h>

struct report {
	int fd;	    /* -1: nobody waits */
	bool plain; /* stdout: without prefixes */
	bool is_log; /* what is for people is in the log, which goes there as a whole (MSG-1) */
};

/* @foreground: without a waiting parent, speak on stdout. */
void report_init(struct report *self, bool foreground);

/* By the contract: every log record is for whoever waits; report_line() says nothing more. */
void report_init_log(struct report *self);

/* One line; each line of a text of several gets its own prefix (MSG-2). */
void report_line(struct report *self, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* One line that says what is wrong and what to do. */
void report_error(struct report *self, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Releases who waits, at most once. Lines in the foreground go on. */
void report_ready(struct report *self);
void report_failed(struct report *self);

/* Would what is said be kept in a journal? No secret belongs there. */
bool report_is_journal(const struct report *self);

static inline bool report_is_awaited(const struct report *self)
{
	return self->fd >= 0 && !self->plain;
}
