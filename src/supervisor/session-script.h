/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * How a script that a person wrote is run (SESS-2): sh(1) is given the path as a command when the
 * file is executable, so that it is run by whatever its first line says, and as a file to read
 * when it is not.
 */

#define SESSION_SCRIPT_ARGS 4

struct session_script {
	const char *argv[SESSION_SCRIPT_ARGS]; /* NULL-terminated */
	char *text;			       /* what its last element points to */
};

/* -ENOMEM. */
int session_script_init(struct session_script *self, const char *path);
void session_script_finish(struct session_script *self);

/* "@what: ['/bin/sh', '/path']" in the log (LOG-2, LOG-3); @what may be NULL. */
void session_script_log(const char *what, const char *const *argv);
