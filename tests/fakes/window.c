/* SPDX-License-Identifier: BSD-3-Clause */
#include "window.h"

#include <stdio.h>
#include <stdlib.h>

void window_fail(const char *what)
{
	fprintf(stderr, "fake X client: %s\n", what);
	exit(1);
}

void window_measure(struct window *self)
{
	xcb_get_geometry_reply_t *geometry = xcb_get_geometry_reply(
		self->connection, xcb_get_geometry(self->connection, self->screen->root), NULL);

	if (!geometry)
		window_fail("the root window has no geometry");
	self->width = geometry->width;
	self->height = geometry->height;
	free(geometry);
}

void window_connect(struct window *self)
{
	*self = (struct window){ .connection = xcb_connect(NULL, NULL) };
	if (xcb_connection_has_error(self->connection))
		window_fail("no connection to the display");
	self->screen = xcb_setup_roots_iterator(xcb_get_setup(self->connection)).data;
	/* The set-up tells the size at the server's start: it may have changed by RandR. */
	window_measure(self);
}

void window_show(struct window *self, uint32_t event_mask)
{
	const uint32_t values[] = { self->screen->black_pixel, 1,
		event_mask | XCB_EVENT_MASK_EXPOSURE };
	xcb_generic_event_t *event;
	int type;

	self->id = xcb_generate_id(self->connection);
	xcb_create_window(self->connection, XCB_COPY_FROM_PARENT, self->id, self->screen->root, 0, 0,
		self->width, self->height, 0, XCB_WINDOW_CLASS_INPUT_OUTPUT, XCB_COPY_FROM_PARENT,
		XCB_CW_BACK_PIXEL | XCB_CW_OVERRIDE_REDIRECT | XCB_CW_EVENT_MASK, values);
	xcb_map_window(self->connection, self->id);
	xcb_flush(self->connection);
	do {
		event = xcb_wait_for_event(self->connection);
		if (!event)
			window_fail("the connection ended");
		type = event->response_type & 0x7f;
		free(event);
	} while (type != XCB_EXPOSE);
}

void window_sync(struct window *self)
{
	xcb_generic_error_t *error = NULL;

	free(xcb_get_input_focus_reply(
		self->connection, xcb_get_input_focus(self->connection), &error));
	if (error || xcb_connection_has_error(self->connection))
		window_fail("the connection ended");
}
