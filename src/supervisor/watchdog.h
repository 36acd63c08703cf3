/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Hung, not dead: what still runs, but does not answer, is noticed within 10 s of being needed,
 * and ended with SIGKILL; that counts as a failure, and the usual rules start it anew (SUP-08).
 * Nothing is asked, and nothing wakes us, while nobody needs anything:
 *
 * - the host: a connection that it does not accept, or a request of ours, is followed by a
 * PING;
 * - the X server: our own host tells of a request of its own that is not answered; then we ask
 * by our own connection. Is it answered to us, the host connects anew;
 * - of a direct child that a signal stops the kernel tells us. It is shown in the status at
 * once, and needed when somebody looks on. Host and X server are then asked. The others cannot
 * be: if they stand still for too long they are made to go on (SIGCONT) where their end would
 * take the user's programs along, and ended where not, or if it did not help.
 *
 * A process that a debugger holds is not told of; whoever stops all of us stops our limits too
 * (loop/limit.h, SUP-07). The vendor's host has no channel to be asked on, and no viewers that
 * we know of: it is left alone. So is a display that is not ours.
 */

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/policy.h"

struct supervisor;
struct watchdog;

/* Returns 0 or -ENOMEM. Outlives host and display. */
int watchdog_create(struct watchdog **ret, struct supervisor *supervisor);
void watchdog_destroy(struct watchdog *self);

/* Our own host accepts connections, from now on; or it has ended. */
void watchdog_host_is_ready(struct watchdog *self);
void watchdog_host_is_gone(struct watchdog *self);

/* A request went to it: is it still there? */
void watchdog_want_host(struct watchdog *self);

/*
 * A question or an answer was lost for want of memory on our side: what it does not answer is no
 * sign of anything, and it is asked again when it is needed again.
 */
void watchdog_host_is_unheard(struct watchdog *self);

/* The host's CONTROL_PONG, CONTROL_DISPLAY_ANSWERS, and that others look on now, or nobody. */
void watchdog_handle_pong(struct watchdog *self, uint32_t id);
void watchdog_handle_display(struct watchdog *self, const char *display, bool answers);
void watchdog_handle_viewers(struct watchdog *self);

/* A run has ended: nothing of it is known any more. */
void watchdog_forget(struct watchdog *self, enum policy_component component);

/* "does not answer", "is stopped by a signal"; NULL: none. @part: of sound, else 0. */
const char *watchdog_trouble(
	const struct watchdog *self, enum policy_component component, int part);
