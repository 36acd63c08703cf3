/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Faults on demand: the n-th allocation, fork or write of a program fails, so
 * that tests walk every path that follows. RES-01, RES-02, RES-04. Only in a
 * build with -Dfault_hooks=enabled; elsewhere each question is answered "no" at
 * compile time and costs nothing.
 *
 * At start a program reads the faults that are meant for it:
 *
 *	AFAR_TEST_FAULT=[PROGRAM/]KIND:N[+][:ERRNO],…
 *
 * PROGRAM is the file that was executed, "afar-supervisor"; without one every
 * program is meant, and children inherit the variable. KIND is alloc, fork and so on. The
 * N-th call of this kind fails, from 1; with "+" all later ones too. ERRNO is
 * a name, ENOSPC; else it is what such a call most often fails with.
 *
 * AFAR_TEST_FAULT_DIR names a directory in which each program makes the file
 * PROGRAM.PID, a struct fault_state for each kind in their order, and
 * shares its memory: a test reads there how many calls there were, and orders
 * further faults from a program that runs.
 */

#include <stdint.h>

enum fault {
	FAULT_ALLOC,  /* ENOMEM */
	FAULT_FORK,   /* EAGAIN */
	FAULT_EXEC,   /* ENOENT; what base/spawn.h starts */
	FAULT_OPEN,   /* EMFILE; mkdir(2) too */
	FAULT_WRITE,  /* ENOSPC */
	FAULT_FSYNC,  /* EIO */
	FAULT_RENAME, /* ENOSPC; link(2) too */
	FAULT_CLOCK,  /* no errno: the time has jumped to 1 s, since the boot or since 1970 */
	FAULT_N,
};

struct fault_state {
	uint64_t n_calls;
	uint64_t first, last; /* which of them fail, counted from 1; 0: none */
	int64_t error;	      /* 0: the usual one */
};

#ifdef FAULT_HOOKS
/* Counts a call. Returns 0, or the errno with which it is to fail; errno has it too. */
int fault_hits(enum fault kind);
#else
static inline int fault_hits(enum fault kind)
{
	(void)kind;
	return 0;
}
#endif
