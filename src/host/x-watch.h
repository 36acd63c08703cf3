/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Does the X server still answer, while somebody wants something of it? Input has no replies
 * and a screen may rest for hours, so a server that is stuck looks like one with nothing to
 * show. After what a viewer does, or what is drawn for one, a question follows soon;
 * of all that happens meanwhile there is one. While nobody wants anything nothing is sent, and
 * nothing wakes us (SUP-08).
 */

#include <stdbool.h>

#include "loop/xcb-ping.h"

/* From the first wish to the news: X_WATCH_PAUSE_USEC + X_WATCH_LIMIT_USEC. */
#define X_WATCH_PAUSE_USEC (USEC_PER_SEC / 2)
#define X_WATCH_LIMIT_USEC (5 * USEC_PER_SEC / 2)

/* Zeroes: there is no server. */
struct x_watch {
	sd_event *event;           /* borrowed */
	struct xcb_source *source; /* borrowed; NULL: there is no server */
	struct limit pause;        /* before the question */
	struct xcb_ping ping;
	bool wanted; /* since it was asked */
	bool silent; /* told */
	void (*changed)(void *data, bool answers);
	void *data;
};

/* @changed: called from the loop: it does not answer (false), or does again (true) */
void x_watch_start(struct x_watch *self, sd_event *event, struct xcb_source *source,
	void (*changed)(void *data, bool answers), void *data);

/* Before the source is destroyed; also when it was not started. */
void x_watch_stop(struct x_watch *self);

/* Somebody wants something. */
void x_watch_want(struct x_watch *self);
