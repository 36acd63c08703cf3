/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Our own connection to a display that has just become ready: keymap, modes,
 * and afterwards a watch on the root window (is there a window manager?) and
 * a way to ask whether the server still answers. No external X tool.
 */

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "supervisor/display/display.h"

struct setup;

struct setup_events {
	void (*done)(void *data); /* keymap and modes are set, as far as the server let us */
	void (*window_manager)(void *data);
	void (*window)(void *data);
	void (*broken)(void *data); /* the connection is gone; called once, last */
};

/**
 * setup_create() - connect and begin
 * @name, @authority: of the display; it must have said that it is ready, since the greeting is
 *                    waited for
 * @impl, @settings:  borrowed
 */
int setup_create(struct setup **ret, sd_event *event, const char *name, const char *authority,
	const struct display_impl *impl, const struct settings *settings,
	const struct setup_events *events, void *data);

/* Takes NULL. A check that waits is answered: not alive. */
void setup_destroy(struct setup *self);

/* See display_check(). */
void setup_check(struct setup *self, void (*done)(void *data, bool alive), void *data);
