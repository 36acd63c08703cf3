/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Xvfb starts with its largest size and is shrunk to the wanted one; desktops that set the "best"
 * mode as they start (GNOME's settings daemon does) make it large again. For half a minute after
 * the first size was set, one such change is undone (XINIT-6, WATCH-1, WATCH-2). The server's events tell;
 * nothing is asked periodically.
 */

#include <stdbool.h>
#include <xcb/xcb.h>

#include "base/clock.h"
#include "wire/settings.h"

struct size_watch {
	usec_t until; /* 0: it does not watch */
	uint8_t event; /* number of the server's event */
	struct settings_size first, largest;
};

/* @settings: their first size is the one to keep. Without RandR nothing is watched. */
void size_watch_start(struct size_watch *self, xcb_connection_t *c, xcb_window_t root,
	const struct settings *settings);

/* Is this the change that is to be undone? Then, and after any other change, it watches no more. */
bool size_watch_handle_event(
	struct size_watch *self, const xcb_generic_event_t *event, usec_t now);
