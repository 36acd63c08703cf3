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

/**
 * launch_guard_argv() - the guard's command line: see guard/main.c
 * @name:      its argv[0]
 * @arguments: the supervisor's
 *
 * All but some numbers and paths in it is borrowed; launch_free_argv() frees it with these.
 */
const char **launch_guard_argv(const struct paths *paths, const char *name, int lock_fd,
	size_t n_arguments, const char *const *arguments);
void launch_free_argv(const char **argv);

static inline void cleanup_launch_argv(const char ***argv)
{
	launch_free_argv(*argv);
}

/* Becomes the guard, with stdio and REPORT_FD as they are. Returns only on failure. */
int launch_exec(const char *guard, const char *const *argv, int lock_fd);

/* Takes everything back, the lock last: see instance.h. */
void launch_abandon(const struct paths *paths);

/* To a unit that starts what runs already: it has nothing to do, and has not failed (START-1). */
void launch_tell_running(void);
