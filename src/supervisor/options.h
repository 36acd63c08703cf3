/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The supervisor's command line: the options of `afar start`, and hidden ones that the command
 * adds for its flavour.
 */

#include <stdbool.h>

#include "base/flavour.h"
#include "base/str.h"
#include "wire/settings.h"

#define OPTIONS_N_SET 16 /* no fewer than there are keys that options set */

struct options {
	const struct flavour *flavour; /* --flavour */
	const char *script;	       /* --script: the command that was called (CONST-7); NULL: none */
	const char *config;	       /* --config: canonical path (CLI-5); NULL: the flavour's own */
	bool foreground;
	bool new_pin;
	int first_argument; /* index of what follows the options: for the X server */

	/* Values of options that lay over the settings. */
	struct {
		const char *section, *key, *value;
	} set[OPTIONS_N_SET];
	size_t n_set;
	struct strbuf sizes, listen; /* comma-separated; no text: not given */
};

/* Fills the zeroed @self; what points into argv is borrowed. -EINVAL and @ret_why (allocated). */
int options_parse(struct options *self, int argc, char **argv, char **ret_why);

/* Lays them over @settings. -EINVAL and @ret_why. */
int options_apply(const struct options *self, struct settings *settings, char **ret_why);

void options_finish(struct options *self);
