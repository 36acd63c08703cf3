/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Logs the input that a window over the whole screen gets, one event a line:
 *
 *	ready
 *	key down|up KEYCODE
 *	button down|up NUMBER X Y
 *	motion X Y STATE
 */
#include <stdio.h>
#include <stdlib.h>

#include "window.h"

static void log_event(const xcb_generic_event_t *event)
{
	/* Motion, buttons and keys share one layout. */
	const xcb_button_press_event_t *input = (const void *)event;

	switch (event->response_type & 0x7f) {
	case XCB_KEY_PRESS:
		printf("key down %u\n", input->detail);
		break;
	case XCB_KEY_RELEASE:
		printf("key up %u\n", input->detail);
		break;
	case XCB_BUTTON_PRESS:
		printf("button down %u %d %d\n", input->detail, input->event_x, input->event_y);
		break;
	case XCB_BUTTON_RELEASE:
		printf("button up %u %d %d\n", input->detail, input->event_x, input->event_y);
		break;
	case XCB_MOTION_NOTIFY:
		printf("motion %d %d %u\n", input->event_x, input->event_y, input->state);
		break;
	}
	fflush(stdout);
}

int main(void)
{
	struct window window;
	xcb_generic_event_t *event;

	window_connect(&window);
	window_show(&window,
		XCB_EVENT_MASK_KEY_PRESS | XCB_EVENT_MASK_KEY_RELEASE | XCB_EVENT_MASK_BUTTON_PRESS
			| XCB_EVENT_MASK_BUTTON_RELEASE | XCB_EVENT_MASK_POINTER_MOTION);
	xcb_set_input_focus(
		window.connection, XCB_INPUT_FOCUS_POINTER_ROOT, window.id, XCB_CURRENT_TIME);
	window_sync(&window);
	puts("ready");
	fflush(stdout);
	while ((event = xcb_wait_for_event(window.connection))) {
		log_event(event);
		free(event);
	}
	return 0;
}
