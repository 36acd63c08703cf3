/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The command of the vendor's script: same options, same lines for programs,
 * same exit statuses. chrome-remote-desktop(1) describes it; A1..A8 of the
 * specification govern it.
 */

#include "base/config-path.h"
#include "base/flavour.h"
#include "base/paths.h"
#include "ctl/contract/command-line.h"

struct contract {
	const struct flavour *flavour;
	const char *argv0;
	char *script; /* CONST-7 */
	struct command_line line;
	struct config_path config;
	struct paths paths;
};

/* The whole program; returns the exit status. */
int contract_main(int argc, char **argv);

/* Wrong usage: says so as --help's first line and @why. Returns the exit status. */
int contract_usage_error(const struct contract *self, const char *why);

/* A4: one of ours, or an original. */
bool contract_is_running(const struct contract *self);

/* --start and --enable-and-start: start.c. */
int contract_start(struct contract *self);
int contract_enable_and_start(struct contract *self);
