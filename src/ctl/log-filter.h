/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Which lines of the log are wanted. A line is what base/log.h or supervisor/outlog.h writes,
 *
 *	2026-01-31T12:00:00.000Z info supervisor: Xorg is ready on :20
 *	2026-01-31T12:00:00.000Z session: what it printed
 *
 * and one of another form goes with the one before it. A pure function.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"

#define LOG_FILTER_NAME_MAX 64 /* with the NUL; no line has a longer one */
#define LOG_FILTER_N_SEEN 32

struct log_filter {
	char since[CLOCK_TEXT_MAX]; /* as lines have it; "": all of them */
	const char *const *names;   /* borrowed; wanted components */
	size_t n_names;		    /* 0: all of them */

	bool is_wanted; /* the line before */
	char seen[LOG_FILTER_N_SEEN][LOG_FILTER_NAME_MAX]; /* names that there are */
	size_t n_seen;
};

/* @since: CLOCK_REALTIME; 0: all. */
void log_filter_init(
	struct log_filter *self, usec_t since, const char *const *names, size_t n_names);

/* @line: NUL-terminated. */
bool log_filter_wants(struct log_filter *self, const char *line);

/* Was there a line of this name, wanted or not? */
bool log_filter_has_seen(const struct log_filter *self, const char *name);
