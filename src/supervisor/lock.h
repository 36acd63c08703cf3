/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Locking the screen when the last viewer has left: whoever walks past the
 * monitor of an attached display must not find it open (CURT-2: there is no
 * curtain, so this is what there is). [display] lock_on_leave says whether,
 * and by what command. "yes" takes the first of these that works:
 * loginctl(1) for the login session of this display, xdg-screensaver(1), the
 * desktop environments' own commands, and plain lockers.
 *
 * No shell is involved. A locker that stays to guard the screen is not ended
 * with the daemon: see proc_signal_descendants().
 */

struct lock;
struct supervisor;

int lock_create(struct lock **ret, struct supervisor *supervisor);
/* Takes NULL. */
void lock_destroy(struct lock *self);

/* Locks, if that is wanted and a display is there. What goes wrong is logged. */
void lock_display(struct lock *self);
