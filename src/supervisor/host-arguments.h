/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* The host's command line: what the contract has (HL-1), and what our own gets besides. */

#include <stddef.h>

struct supervisor;

/* Where our own host finds its channel, and the first of its listening sockets. */
#define HOST_CONTROL_FD 3
#define HOST_LISTEN_FD 4

#define HOST_ARGUMENTS_MAX 256

struct host_arguments {
	const char *argv[HOST_ARGUMENTS_MAX]; /* NULL-terminated; more are left out */
	size_t n;
	char texts[8][512]; /* what some of them point to */
	size_t n_texts;
	char *extra; /* those of the user (START-8), split in place */
};

/**
 * host_arguments_init() - for one start
 * @program, @offline_reason:  borrowed; the latter NULL for a host that is to serve
 *
 * Returns 0 or -ENOMEM; the caller finishes it in either case.
 */
int host_arguments_init(struct host_arguments *self, const struct supervisor *supervisor,
	const char *program, const char *offline_reason);
void host_arguments_finish(struct host_arguments *self);
