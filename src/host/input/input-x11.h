/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Input to an X server through XTEST. Its key codes are evdev's plus 8, for
 * servers that run with the evdev keymap; buttons 4 to 7 are the wheel.
 */

#include "host/input/input.h"
#include "loop/xcb-source.h"

struct input_x11 {
	struct input_sink base;
	struct xcb_source *source; /* borrowed */
	xcb_window_t root;
	unsigned n_waiting; /* requests since the server stopped reading */
};

/**
 * input_x11_init() - nothing to finish
 * @source:  xtest must have been asked for (xcb_prefetch_extension_data) and answered
 *
 * Returns 0 or -EOPNOTSUPP.
 */
int input_x11_init(struct input_x11 *self, struct xcb_source *source, xcb_window_t root);
