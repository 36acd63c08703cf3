/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Does an X server still answer? One small request with a limit, and only when somebody wants
 * to know: an idle server is left in peace.
 */

#include <stdbool.h>

#include "loop/limit.h"
#include "loop/xcb-source.h"

/* Zeroes: nothing was asked. */
struct xcb_ping {
	struct xcb_source *source; /* borrowed; NULL: nothing was asked */
	struct limit limit;
	void (*done)(void *data, bool answers);
	void *data;
};

/**
 * xcb_ping_start() - ask
 * @source: borrowed until it is answered or cancelled; NULL, a broken connection, is no answer
 * @limit:  see limit.h; USEC_NEVER: for as long as it takes
 * @done:   called once, from the loop, never from within
 *
 * A question that waits is cancelled. Returns 0 or negative errno: then @done is not called,
 * and nobody is to blame, since nobody was asked.
 */
int xcb_ping_start(struct xcb_ping *self, sd_event *event, struct xcb_source *source,
	usec_t limit, void (*done)(void *data, bool answers), void *data);

bool xcb_ping_waits(const struct xcb_ping *self);

/* Also when nothing waits; before the source is destroyed. */
void xcb_ping_cancel(struct xcb_ping *self);
