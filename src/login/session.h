/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The PAM session (US-15..22), held by a process of its own, which nobody but root can end while
 * it is open. If root does, its parent closes it, by a record in memory that both share.
 */

#include <pwd.h>
#include <stdbool.h>
#include <security/pam_appl.h>

#include "base/flavour.h"
#include "base/spawn.h"

struct session_record {
	bool open; /* from before the first module opens until the last has closed */
	char user[256];
	char logind[64]; /* $XDG_SESSION_ID, by which pam_systemd knows what to close */
	pid_t shell;	 /* 0: none yet */
};

struct session {
	const struct flavour *flavour;
	struct session_record *record; /* borrowed */
	uid_t caller; /* unless it is root, only its account will do (US-19) */

	pam_handle_t *pam;
	bool established; /* credentials, which are to be deleted */
	struct passwd account;
	char strings[8192]; /* of it */
};

/**
 * session_open() - check the account, take its groups, open the session
 * @kept:     NAME=value, for PAM's environment
 * @ret_why:  on failure a sentence (allocated)
 *
 * Nobody is authenticated: the caller is who they are. Negative errno; close it then, too.
 */
int session_open(struct session *self, const char *user, char *const *kept, char **ret_why);

/* What the login shell gets: PAM's, and what a login sets (US-21). -ENOMEM. */
int session_environment(const struct session *self, struct spawn_env *ret);

/* What was opened; by the record alone when another process did. */
void session_close(struct session *self);
