/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/input/input-x11.h"

#include <errno.h>
#include <xcb/xtest.h>

#define EVDEV_TO_X11 8

/*
 * A server that does not read (stopped, or hung) must not make us block when
 * libxcb's buffer of 16 KiB is full. Presses and motion are dropped first; what
 * is let through without limit is the release of what is held.
 */
#define WAITING_MAX 128

static void fake(
	struct input_x11 *self, uint8_t type, uint8_t detail, unsigned x, unsigned y)
{
	xcb_test_fake_input(xcb_source_connection(self->source), type, detail, XCB_CURRENT_TIME,
		self->root, (int16_t)x, (int16_t)y, 0);
}

/* May another request that is no release go to the server? */
static bool has_room(struct input_x11 *self)
{
	if (!xcb_source_is_stalled(self->source))
		self->n_waiting = 0;
	return self->n_waiting++ < WAITING_MAX;
}

static void send_wheel(struct input_x11 *self, enum input_wheel direction)
{
	static const uint8_t buttons[] = {
		[INPUT_WHEEL_UP] = 4,
		[INPUT_WHEEL_DOWN] = 5,
		[INPUT_WHEEL_LEFT] = 6,
		[INPUT_WHEEL_RIGHT] = 7,
	};

	fake(self, XCB_BUTTON_PRESS, buttons[direction], 0, 0);
	fake(self, XCB_BUTTON_RELEASE, buttons[direction], 0, 0);
}

static void handle_event(struct input_sink *sink, const struct input_event *event)
{
	struct input_x11 *self = (struct input_x11 *)sink;
	bool release = (event->type == INPUT_KEY || event->type == INPUT_BUTTON) && !event->down;

	if (!release && !has_room(self))
		return;
	switch (event->type) {
	case INPUT_KEY:
		fake(self, event->down ? XCB_KEY_PRESS : XCB_KEY_RELEASE,
			(uint8_t)(event->code + EVDEV_TO_X11), 0, 0);
		break;
	case INPUT_BUTTON:
		fake(self, event->down ? XCB_BUTTON_PRESS : XCB_BUTTON_RELEASE,
			(uint8_t)event->code, 0, 0);
		break;
	case INPUT_MOTION:
		fake(self, XCB_MOTION_NOTIFY, 0, event->x, event->y);
		break;
	case INPUT_WHEEL:
		send_wheel(self, (enum input_wheel)event->code);
		break;
	}
}

static void handle_flush(struct input_sink *sink)
{
	xcb_source_flush(((struct input_x11 *)sink)->source);
}

static const struct input_sink_impl impl = {
	.event = handle_event,
	.flush = handle_flush,
};

int input_x11_init(struct input_x11 *self, struct xcb_source *source, xcb_window_t root)
{
	xcb_connection_t *c = xcb_source_connection(source);
	const xcb_query_extension_reply_t *xtest = xcb_get_extension_data(c, &xcb_test_id);

	if (!xtest || !xtest->present)
		return -EOPNOTSUPP;
	*self = (struct input_x11){
		.base = { .impl = &impl }, .source = source, .root = root
	};
	/* Input goes on while another client holds the server. */
	xcb_test_grab_control(c, true);
	return 0;
}
