/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What differs between the names under which the daemon goes: strings, paths,
 * limits and a few named rules, so that no code asks which flavour it is.
 */

#include <stdbool.h>

struct flavour {
	const char *name;
	unsigned first_display;
	const char *const *session_files; /* below HOME when relative; NULL-terminated */
	const char *session_mark;	  /* variable that tells a process it is in our session */

	/* Rules. */
	bool host_is_independent; /* the host runs without a display and outlives it (else SUP-9) */
};

extern const struct flavour flavour_afar;
