/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The group chrome-remote-desktop, whose members may run user-session. One
 * who was only just added is in it from the next login on; until then sg(1)
 * helps. SG-1..4, CLI-13, CLI-14.
 */

#include <stdbool.h>

/**
 * group_run() - run a command as a member of the group, and wait
 * @argv: NULL-terminated
 *
 * sg gets no terminal and no standard streams, so that it cannot ask for a group's password; the
 * command gets all of ours. Returns its exit status; RUN_NOT_FOUND or RUN_NOT_EXECUTABLE after an
 * error in the log; 1 when it is left running after Ctrl-C.
 */
int group_run(const char *name, const char *const *argv);

enum group_state {
	GROUP_MISSING,
	GROUP_LACKS_USER,
	GROUP_HAS_USER, /* in its list of members */
};

enum group_state group_state(const char *name, const char *user);

/* CLI-14: makes the group when needed, and adds the user. For root. Returns the exit status. */
int group_add_user(const char *name, const char *user);
