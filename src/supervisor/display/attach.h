/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Serving a display that is there already, such as the one on the desk, in
 * place of one of our own (D-1). No server and no session is started or
 * ended, and nothing is set: keymap, sizes and the rest are its user's.
 *
 * Ready is when our own connection to it stands, with an authority that was
 * found (candidates.h) and tried. While the display is not there, or refuses
 * us, the component is away: it waits for files to appear (attach-watch.h),
 * and counts no failure. Only servers of our own user and of root are
 * believed.
 */

#include <stdbool.h>

#include "base/clock.h"

struct attach;
struct supervisor;

int attach_create(struct attach **ret, struct supervisor *supervisor);

/* Takes NULL. The display goes on. */
void attach_destroy(struct attach *self);

/* What comes of it is told by supervisor_event(). */
void attach_start(struct attach *self);
void attach_stop(struct attach *self);

/* Something may have changed that nobody is told of, such as xhost(1)'s list: look again. */
void attach_look(struct attach *self);

/* ":0" while it is ready, else NULL. */
const char *attach_name(const struct attach *self);
/* NULL: it is reached without one. */
const char *attach_authority(const struct attach *self);
/* Why it is not ready, for people. */
const char *attach_why(const struct attach *self);

/* See display_check(). */
void attach_check(
	struct attach *self, usec_t limit, void (*done)(void *data, bool alive), void *data);
