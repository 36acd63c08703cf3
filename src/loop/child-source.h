/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The end of a child, as an event of the loop. sd_event_add_child(3) with WEXITED alone waits on
 * a pidfd, once: a debugger that has attached to the child is told of its end first, and until
 * the debugger has taken note there is nothing for us to reap. That one time is spent then, and
 * the end is never told. Here SIGCHLD tells it, which the kernel sends when we may reap.
 */

#include <sys/types.h>
#include <systemd/sd-event.h>

/**
 * child_source_add() - call @handler when the child has ended, which reaps it
 * @ret:   the source; the caller's
 * @pid:   a child of this process
 *
 * Called once. Returns 0 or negative errno; SIGCHLD must be blocked.
 */
int child_source_add(sd_event *event, sd_event_source **ret, pid_t pid,
	sd_event_child_handler_t handler, void *data);
