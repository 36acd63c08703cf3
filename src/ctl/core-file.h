/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* Where the core of a process that crashed is, on machines where systemd-coredump(8) keeps them. */

#include <sys/types.h>

#include "base/clock.h"

struct core_place {
	const char *pattern;   /* the file that says who gets cores: core(5) */
	const char *directory; /* where systemd-coredump has them */
};

extern const struct core_place core_place_system;

/**
 * core_file_find() - the core of a process of @uid's
 * @at:  CLOCK_REALTIME of its end; pids are used again
 *
 * An allocated path; NULL when systemd-coredump does not get the cores, or has kept none of it.
 */
char *core_file_find(const struct core_place *place, uid_t uid, pid_t pid, usec_t at);
