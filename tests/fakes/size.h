/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The screen's size, changed by RandR as a panel or xrandr(1) does it, to whatever a test
 * wants: a mode is made for it on the server's first output, and the mode before goes.
 */

#include <stdbool.h>
#include <xcb/randr.h>

#include "window.h"

struct size {
	struct window *window; /* borrowed */
	xcb_randr_output_t output;
	xcb_randr_crtc_t crtc;
	xcb_randr_mode_t mode; /* of the screen now */
	bool is_ours;          /* the mode */
};

void size_init(struct size *self, struct window *window);

/* False: the server refuses it, and keeps its former size. @window is told of the new one. */
bool size_set(struct size *self, unsigned width, unsigned height);
