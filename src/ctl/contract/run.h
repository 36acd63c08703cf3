/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* Running another program to its end, with our stdio, and taking its status for our own. */

#include <sys/types.h>

#include "base/spawn.h"

#define RUN_NOT_EXECUTABLE 126 /* CONST-5 */
#define RUN_NOT_FOUND 127

/**
 * run_program() - start and wait
 * @argv: argv[0] is looked up in PATH when it has no '/'
 *
 * Ctrl-C is the child's to answer, which gets it too; we wait for it (USTART-3). Returns its exit
 * status, 256 - N when signal N ended it (ROOT-1), or negative errno when it was not started.
 */
int run_program(const char *const *argv);

/* As spawn_start(). From before then until run_await() Ctrl-C is held, if it starts. */
pid_t run_start(const struct spawn *spawn);

/* For a child of run_start(): waits, and answers as run_program(). */
int run_await(pid_t pid);

/* The same of a wait status. */
int run_exit_status(int wait_status);
