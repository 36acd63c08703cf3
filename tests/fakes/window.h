/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * A connection to $DISPLAY with one window that covers the screen, for fake
 * X clients. Whatever goes wrong ends the program with a line on stderr.
 */

#include <stdint.h>
#include <xcb/xcb.h>

struct window {
	xcb_connection_t *connection;
	xcb_screen_t *screen;
	uint16_t width, height; /* of the screen, px */
	xcb_window_t id;
};

/* Connects only: no window yet. */
void window_connect(struct window *self);

/* The screen's size as it is now: others may change it. */
void window_measure(struct window *self);

/* Maps it above all others, past any window manager, and waits until it is seen. */
void window_show(struct window *self, uint32_t event_mask);

/* Everything sent so far has been carried out by the server when this returns. */
void window_sync(struct window *self);

void window_fail(const char *what) __attribute__((noreturn));
