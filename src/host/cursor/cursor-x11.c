/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/cursor/cursor-x11.h"

#include <errno.h>
#include <xcb/xfixes.h>

#include "base/log.h"
#include "host/cursor/cursor.h"

/* HideCursor came with version 4. */
#define XFIXES_MAJOR 4

static int ask(struct cursor_x11 *self);

static void take_image(
	struct cursor_x11 *self, const xcb_xfixes_get_cursor_image_reply_t *image)
{
	if (cursor_set(self->cursor, image->width, image->height, image->xhot, image->yhot,
		    xcb_xfixes_get_cursor_image_cursor_image(image))
		< 0) {
		log_warning("no memory for the pointer's shape");
		return;
	}
	self->events->changed(self->data);
}

static void handle_image(void *data, const void *reply, const xcb_generic_error_t *error)
{
	struct cursor_x11 *self = data;

	self->asking = false;
	if (self->again)
		ask(self);
	if (!error)
		take_image(self, reply);
}

static int ask(struct cursor_x11 *self)
{
	xcb_connection_t *c = xcb_source_connection(self->source);
	int r;

	if (self->asking) {
		self->again = true;
		return 0;
	}
	r = xcb_source_await(self->source, xcb_xfixes_get_cursor_image(c).sequence,
		handle_image, self);
	self->asking = r == 0;
	self->again = false;
	return r;
}

int cursor_x11_init(struct cursor_x11 *self, struct xcb_source *source, xcb_window_t root,
	struct cursor *cursor, const struct cursor_x11_events *events, void *data)
{
	xcb_connection_t *c = xcb_source_connection(source);
	const xcb_query_extension_reply_t *xfixes = xcb_get_extension_data(c, &xcb_xfixes_id);

	if (!xfixes || !xfixes->present)
		return -EOPNOTSUPP;
	*self = (struct cursor_x11){
		.source = source,
		.cursor = cursor,
		.event = (uint8_t)(xfixes->first_event + XCB_XFIXES_CURSOR_NOTIFY),
		.events = events,
		.data = data,
	};
	xcb_discard_reply(c, xcb_xfixes_query_version(c, XFIXES_MAJOR, 0).sequence);
	xcb_xfixes_select_cursor_input(
		c, root, XCB_XFIXES_CURSOR_NOTIFY_MASK_DISPLAY_CURSOR);
	xcb_xfixes_hide_cursor(c, root);
	return ask(self);
}

void cursor_x11_finish(struct cursor_x11 *self)
{
	if (self->source)
		xcb_source_forget(self->source, self);
	self->source = NULL;
}

void cursor_x11_handle_event(struct cursor_x11 *self, const xcb_generic_event_t *event)
{
	if (!self->source || (event->response_type & 0x7f) != self->event)
		return;
	if (ask(self) < 0)
		log_warning("no memory for the pointer's shape");
}
