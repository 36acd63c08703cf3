/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Starts the chosen session in the place of this process (CHOOSE-6).
 *
 * With a wrapper, such as Debian's /etc/X11/Xsession, the command goes to it as one argument,
 * verbatim: it knows what "default" is and sets the session up. Without one (D-3) the command
 * is split as the Desktop Entry Specification says, never by a shell (T11), and "default" is
 * x-session-manager, else the first session that is listed and installed.
 */

#include "base/flavour.h"
#include "base/spawn.h"
#include "chooser/sessions.h"

struct launch {
	char **argv;		   /* NULL-terminated */
	const char *desktop_names; /* borrowed of the entry; NULL: none */
};

/**
 * launch_find_wrapper() - what starts sessions here
 * @directory: of this program
 *
 * In the contract's place Xsession beside the program, whether it is there or not; else the
 * distribution's. Allocated; NULL: there is none.
 */
char *launch_find_wrapper(const struct flavour *flavour, const char *directory);

/**
 * launch_split() - the arguments of an Exec key
 * @name: takes the place of %c; NULL: nothing does
 *
 * Codes for files and the like stand for nothing. -EINVAL: an unknown code, a quotation that
 * does not end, or no program. Free with launch_free_argv().
 */
int launch_split(const char *exec, const char *name, char ***ret_argv);
void launch_free_argv(char **argv);

/**
 * launch_init() - how to start an entry
 * @wrapper: NULL: none
 *
 * @entry must outlive it. -EINVAL: as launch_split(); -ENOENT: "default", and nothing is
 * installed.
 */
int launch_init(struct launch *self, const struct sessions *sessions,
	const struct sessions_entry *entry, const char *wrapper);

/**
 * launch_exec() - become it
 * @env: the environment that this program was started with; gets XDG_CURRENT_DESKTOP
 *
 * No descriptor of ours but 0, 1 and 2 and no signal disposition is left to it. Returns
 * negative errno, and only then.
 */
int launch_exec(const struct launch *self, struct spawn_env *env);

void launch_finish(struct launch *self);
