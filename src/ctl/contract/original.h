/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Instances of the vendor's own script that run beside us, found as it finds
 * itself: a Python process of this user's that runs a script of our name with
 * --start and our configuration. An upgrade must not make a second desktop,
 * and our --stop must end that one. INST-1..5.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct original {
	pid_t pid;
	int pidfd; /* owned; opened before the last look, so it is no other process */
};

/* Only what is started with --child-process, as we are, counts: see INST-4. */
enum original_which {
	ORIGINAL_ANY,
	ORIGINAL_CHILD,
};

/**
 * original_find() - look through all processes
 * @argv0:  what we were called by
 * @config: canonical path
 *
 * Returns whether there is one. What cannot be read is skipped.
 */
bool original_find(const char *argv0, const char *config, enum original_which which,
	struct original *ret);

void original_finish(struct original *self);

/* INST-2, INST-3 on one command line; @ret_child: it has --child-process. */
bool original_matches(size_t argc, const char *const *argv, const char *argv0, const char *config,
	bool *ret_child);
