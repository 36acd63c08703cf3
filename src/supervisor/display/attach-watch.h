/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Waiting for a display that somebody else will start, and for an authority
 * for it: told by inotify(7), never by looking again and again. A server makes
 * its socket in /tmp/.X11-unix, or, when it listens on an abstract name alone,
 * at least its lock /tmp/.XN-lock; the places of authority files are those of
 * candidates.h. Directories that are yet to be made are seen when they are.
 */

#include <systemd/sd-event.h>

#include "supervisor/display/candidates.h"

struct attach_watch;

/**
 * attach_watch_create() - begin
 * @number:   of the display, or SETTINGS_DISPLAY_ANY
 * @happened: something was made or changed that may matter: a look is worth while. It may
 *            destroy the watch, and has to make a new one to see into new directories
 *
 * Without a watch on one of the places the others still tell. Returns 0 or -ENOMEM.
 */
int attach_watch_create(struct attach_watch **ret, sd_event *event,
	const struct candidate_places *places, unsigned number, void (*happened)(void *data),
	void *data);

/* Takes NULL. */
void attach_watch_destroy(struct attach_watch *self);
