/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The simplest application: a square that changes its colour at every key press.
 *
 *	square DISPLAY AUTHORITY [X Y]
 *
 * Two colours take turns, SQUARE_COLOURS. It takes the keyboard for itself, so that no window
 * manager has a say, and writes "ready" once it is drawn and has the keyboard.
 */
#include "bench/square.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "loop/xcb-connect.h"

static const uint32_t colours[] = SQUARE_COLOURS;

static xcb_window_t make_window(
	xcb_connection_t *c, const xcb_screen_t *screen, int16_t x, int16_t y)
{
	xcb_window_t window = xcb_generate_id(c);

	xcb_create_window(c, XCB_COPY_FROM_PARENT, window, screen->root, x, y, SQUARE_PX, SQUARE_PX,
		0, XCB_WINDOW_CLASS_INPUT_OUTPUT, screen->root_visual,
		XCB_CW_BACK_PIXEL | XCB_CW_OVERRIDE_REDIRECT | XCB_CW_EVENT_MASK,
		(const uint32_t[]){ colours[0], 1,
			XCB_EVENT_MASK_KEY_PRESS | XCB_EVENT_MASK_EXPOSURE });
	xcb_map_window(c, window);
	return window;
}

static bool take_keyboard(xcb_connection_t *c, xcb_window_t window)
{
	xcb_grab_keyboard_reply_t *reply = xcb_grab_keyboard_reply(c,
		xcb_grab_keyboard(c, 1, window, XCB_CURRENT_TIME, XCB_GRAB_MODE_ASYNC,
			XCB_GRAB_MODE_ASYNC),
		NULL);
	bool taken = reply && reply->status == XCB_GRAB_STATUS_SUCCESS;

	free(reply);
	return taken;
}

static void flip(xcb_connection_t *c, xcb_window_t window, uint32_t colour)
{
	xcb_change_window_attributes(c, window, XCB_CW_BACK_PIXEL, &colour);
	xcb_clear_area(c, 0, window, 0, 0, 0, 0);
	xcb_flush(c);
}

int main(int argc, char **argv)
{
	xcb_generic_event_t *event;
	const xcb_screen_t *screen;
	xcb_connection_t *c;
	xcb_window_t window;
	unsigned n = 0;

	if (argc < 3 || xcb_connect_file(argv[1], argv[2], &c, NULL) < 0) {
		fprintf(stderr, "square: no display\n");
		return 1;
	}
	screen = xcb_setup_roots_iterator(xcb_get_setup(c)).data;
	window = make_window(c, screen, argc > 4 ? (int16_t)atoi(argv[3]) : SQUARE_X,
		argc > 4 ? (int16_t)atoi(argv[4]) : SQUARE_Y);
	xcb_flush(c);
	while ((event = xcb_wait_for_event(c))) {
		switch (event->response_type & 0x7f) {
		case XCB_EXPOSE:
			if (!take_keyboard(c, window)) {
				fprintf(stderr, "square: somebody else has the keyboard\n");
				return 1;
			}
			puts("ready");
			fflush(stdout);
			break;
		case XCB_KEY_PRESS:
			flip(c, window, colours[++n % 2]);
			break;
		}
		free(event);
	}
	return 0;
}
