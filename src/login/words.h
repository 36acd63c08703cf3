/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* Words that come in and go out: the command line, whom it is for, and the login shell's line. */

#include <stdbool.h>
#include <sys/types.h>

struct words {
	bool foreground;
	const char *user; /* borrowed; NULL: not given */
	char **arguments; /* behind "--"; borrowed, NULL-terminated */
};

/* US-1. False: not such a command line; @ret is then untouched. */
bool words_read(int argc, char **argv, struct words *ret);

/*
 * US-4: of the names in $USER and $LOGNAME (each may be NULL) the first that really is @uid's,
 * which may have several; else the one that passwd(5) has for it. Allocated; NULL: none.
 */
char *words_user(const char *user, const char *logname, uid_t uid);

/*
 * US-21: what follows -c of the login shell; @words go in as they are. By exec: a shell that
 * stayed would hold REPORT_FD open, and get the signals. -EINVAL: a newline in a word. -ENOMEM.
 */
int words_command(const char *script, const char *words, char *const *arguments, char **ret);
