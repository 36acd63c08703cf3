/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Capture of an X server's root window: XDamage (raw rectangles) tells where
 * something was drawn, MIT-SHM brings the pixels of exactly that. The first
 * damage after a rest is read at once; what is drawn while a read is under
 * way is read by the next one. Protocols: damageproto, MIT-SHM 1.2.
 */

#include <stdbool.h>
#include <xcb/xcb.h>

#include "host/capture/capture.h"
#include "loop/xcb-source.h"

struct stages;

/**
 * capture_x11_create() - begin: a geometry and the whole screen will be told from the loop
 * @source:  borrowed; damage and shm must have been asked for (xcb_prefetch_extension_data)
 *           and answered
 * @stages:  borrowed; is told of damage, and when pixels are asked for
 *
 * Returns 0; -EOPNOTSUPP (an extension is missing, or pixels are not 32 bits BGRX); -ENOMEM.
 */
int capture_x11_create(struct capture **ret, struct xcb_source *source,
	const xcb_screen_t *screen, struct stages *stages, const struct capture_events *events,
	void *data);

/* Events of the source, and its moment of rest, all go through here. */
void capture_x11_handle_event(struct capture *capture, const xcb_generic_event_t *event);
void capture_x11_handle_drained(struct capture *capture);
