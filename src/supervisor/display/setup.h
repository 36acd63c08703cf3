/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Our own connection to a display that has just become ready: keymap, modes,
 * and afterwards a watch on the root window (is there a window manager?) and
 * a way to ask whether the server still answers. No external X tool. A display
 * that is not ours keeps its keymap and its modes.
 */

#include <stdbool.h>
#include <systemd/sd-event.h>
#include <xcb/xcb.h>

#include "base/clock.h"
#include "supervisor/display/display.h"

struct setup;

struct setup_events {
	void (*done)(void *data); /* keymap and modes are set, as far as the server let us */
	void (*window_manager)(void *data);
	void (*window)(void *data);
	void (*broken)(void *data); /* the connection is gone; called once, last */
};

/**
 * setup_create() - begin
 * @connection:      to the display; taken, also on failure
 * @is_set_up: a supervisor before us has set keymap and modes, nobody's size is changed now
 * @impl, @settings: borrowed; @impl NULL: the display is not ours. Then nothing is set, nothing
 *                   is watched, and of the events only broken comes
 */
int setup_create(struct setup **ret, sd_event *event, xcb_connection_t *connection,
	const struct display_impl *impl, const struct settings *settings, bool is_set_up,
	const struct setup_events *events, void *data);

/* Takes NULL. Checks that wait are answered: not alive. */
void setup_destroy(struct setup *self);

/* See display_check(); never from within. */
void setup_check(
	struct setup *self, usec_t limit, void (*done)(void *data, bool alive), void *data);
