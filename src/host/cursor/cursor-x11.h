/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The pointer's shape on an X server, through XFixes. It also takes the
 * pointer out of the picture: Xorg's dummy driver has no cursor of its own
 * and paints it into the framebuffer, so that a viewer would see two. While
 * any client has it hidden (XFixesHideCursor) the server paints none, but
 * still tells every change of shape.
 */

#include <stdbool.h>

#include "loop/xcb-source.h"

struct cursor;

struct cursor_x11_events {
	/* There is another shape in the cursor. */
	void (*changed)(void *data);
};

struct cursor_x11 {
	struct xcb_source *source; /* borrowed */
	struct cursor *cursor;	   /* borrowed */
	uint8_t event;
	bool asking;
	bool again; /* it changed while the answer was on its way */
	const struct cursor_x11_events *events; /* borrowed */
	void *data;
};

/**
 * cursor_x11_init() - hide it, and ask for its shape
 * @source:  xfixes must have been asked for (xcb_prefetch_extension_data) and answered
 *
 * Returns 0; -EOPNOTSUPP; -ENOMEM.
 */
int cursor_x11_init(struct cursor_x11 *self, struct xcb_source *source, xcb_window_t root,
	struct cursor *cursor, const struct cursor_x11_events *events, void *data);

/* The pointer is shown again when the connection ends. Safe on a zeroed one. */
void cursor_x11_finish(struct cursor_x11 *self);

void cursor_x11_handle_event(struct cursor_x11 *self, const xcb_generic_event_t *event);
