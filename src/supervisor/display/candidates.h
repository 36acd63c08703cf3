/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Where the authority of a display that somebody else has started may be. Display managers
 * keep it in a dozen places (D-1): all that this user may read are named, the likeliest first,
 * and whoever asks tries them in that order.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CANDIDATES_MAX 24
#define CANDIDATE_SIZE 256 /* a path that the host can be told, with its NUL */

struct candidates {
	char paths[CANDIDATES_MAX][CANDIDATE_SIZE];
	size_t n;
};

/* A test's are directories of its own. */
struct candidate_places {
	const char *xauthority; /* $XAUTHORITY; may be NULL */
	const char *home;
	const char *user;    /* its name; may be NULL */
	const char *runtime; /* /run/user/UID */
	const char *proc;    /* /proc */
	const char *run;     /* /run */
	const char *tmp;     /* /tmp */
};

/**
 * candidates_find() - files that exist and have an entry for display :@number
 * @server: the process that listens there; 0: not known
 *
 * Those of $XAUTHORITY and of home; what processes of ours on that display have in their
 * environment; what X servers on that number were told by -auth; what GDM, LightDM, SDDM and
 * mutter write for us. Never the same path twice.
 */
void candidates_find(struct candidates *self, const struct candidate_places *places,
	unsigned number, pid_t server);

/* Does the process carry one of these names (NULL-terminated) in its environment? */
bool candidates_has_variable(
	const struct candidate_places *places, pid_t pid, const char *const *names);
