/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What every start of a desktop has in common, whatever asks for it: the lock,
 * the directories, the guard's command line. In this order:
 *
 *	launch_lock()		who does not get it makes nothing but its directory
 *	launch_prepare()
 *	launch_exec()		or spawn_start() with the same command line
 *	launch_abandon()	when no guard could be started
 */

#include "base/paths.h"
#include "ctl/instance.h"

/**
 * launch_lock() - take the lock, in a directory that is made when it is missing
 * @ret_fd:  the lock, close-on-exec, on INSTANCE_FREE
 * @ret_why: on INSTANCE_ERROR a sentence for the user (allocated)
 */
enum instance_lock launch_lock(
	const struct paths *paths, struct instance *ret, int *ret_fd, char **ret_why);

/*
 * The lock is ours: now the directories, which a desktop of another HOME may be using. 0, or
 * negative errno with a sentence for the user.
 */
int launch_prepare(const struct paths *paths, char **ret_why);

/* The guard's command line: see guard/main.c. */
struct launch_line {
	const char **argv; /* NULL-terminated; but for the three below its words are borrowed */
	char *lock_fd, *socket, *supervisor;
};

/**
 * launch_line_init() - make it
 * @name:      its argv[0]
 * @arguments: the supervisor's
 */
void launch_line_init(struct launch_line *self, const struct paths *paths, const char *name,
	int lock_fd, size_t n_arguments, const char *const *arguments);
void launch_line_finish(struct launch_line *self);

/* Becomes the guard, with stdio and REPORT_FD as they are. Returns only on failure. */
int launch_exec(const char *guard, const char *const *argv, int lock_fd);

/* Takes everything back, the lock last: see instance.h. */
void launch_abandon(const struct paths *paths);

/* To a unit that starts what runs already: it has nothing to do, and has not failed (START-1). */
void launch_tell_running(void);
