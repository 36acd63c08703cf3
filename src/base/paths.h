/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Where the user's files are. All of them exist in one place so that a
 * command and the daemon, started from shells with different environments,
 * still meet: the configuration directory depends on HOME alone.
 */

#include <stdbool.h>

#include "base/flavour.h"

struct paths {
	char *home;	   /* $HOME if absolute, else the passwd entry's */
	char *config_dir;  /* HOME/.config/afar */
	char *config_file; /* …/host.json: the identity */
	char *lock_file;   /* …/lock */
	char *state_dir;   /* ${XDG_STATE_HOME:-HOME/.local/state}/afar: logs; NULL: they go to stderr */
	char *log_file;	   /* …/afar.log; NULL as that */
	char *runtime_base;  /* XDG_RUNTIME_DIR, /run/user/UID, or /tmp/afar-UID */
	char *runtime_dir;   /* …/afar: removed when the daemon ends */
	bool runtime_is_ours; /* runtime_base is /tmp/afar-UID: exported to children, removed too */
};

/**
 * paths_init() - find them all; makes none
 * @flavour:  gives the names: see flavour.h
 * @config:   canonical path of the configuration (CLI-5), of a flavour that names none itself;
 *            any other than the usual one has a lock and a runtime directory of its own, with
 *            "#" and ten digits of its hash behind the name, and so may run beside that
 * @ret_why:  on failure a sentence for the user (allocated), else untouched
 *
 * The runtime directory is $XDG_RUNTIME_DIR if it is a directory of ours, else /run/user/UID if
 * that is ours and 0700, else /tmp/afar-UID. Returns 0 or negative errno.
 */
int paths_init(
	struct paths *self, const struct flavour *flavour, const char *config, char **ret_why);

/* The home directory alone (CONST-9), allocated; NULL when nobody knows one. */
char *paths_home(void);

/* Makes the configuration directory, which the lock is in. As paths_make(). */
int paths_make_config(const struct paths *self, char **ret_why);

/**
 * paths_make() - make all the directories, each 0700
 *
 * A planted link, a foreign owner or a wider mode in /tmp is refused, -EPERM.
 */
int paths_make(const struct paths *self, char **ret_why);

void paths_finish(struct paths *self);
