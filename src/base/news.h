/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What comes on REPORT_FD, read by whoever waits there and shown to the user (US-10, MSG-1..4):
 *
 *	MSG:text          a line for the user
 *	ERROR:text        the same, of what went wrong, in the flavours that have it
 *	READY             it runs
 *
 * The bytes are a stranger's. A line of any length goes through in pieces, so that nothing is
 * kept but six bytes, and what would move a terminal is shown as '?'.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/flavour.h"

#define NEWS_LIMIT_SEC 120 /* US-12 */

struct news {
	FILE *out;		  /* borrowed */
	const char *error_prefix; /* as "ERROR:"; at most six bytes */
	char head[6];		  /* of a line that may yet be anything */
	size_t n_head;
	bool in_text; /* the rest of the line is shown as it comes */
	bool ready;   /* READY came */
	bool heard;   /* anything came */
};

/* Bytes in pieces of any size. */
void news_feed(struct news *self, const char *bytes, size_t n);

/* The end: a last line without a newline is one as well. */
void news_end(struct news *self);

/**
 * news_relay() - show on stderr what comes on @fd, until its end (US-10..13)
 * @log:  the log's path, shown last; NULL: none
 *
 * Returns the exit status: 0 when it is ready. Ends the process after @limit_sec, and by SIGINT
 * and SIGTERM. Call once.
 */
int news_relay(const struct flavour *flavour, int fd, unsigned limit_sec, const char *log);
