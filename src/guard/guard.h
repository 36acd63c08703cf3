/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The guard: ancestor of everything that a desktop consists of. It holds the
 * lock that means "running", starts the supervisor, passes signals on, and
 * when the supervisor has ended sees to it that nothing is left: whatever was
 * started below it, however it daemonised, is its child in the end
 * (PR_SET_CHILD_SUBREAPER, prctl(2)) and gets SIGTERM, then SIGKILL.
 *
 * A supervisor that did not end but was killed is replaced, and finds with the
 * guard what it needs to take the running desktop over (keep.h).
 *
 * What the supervisor has to tell a service manager passes through it, for
 * that one listens to its main process (base/notify-socket.h). It opens no
 * other socket, reads no file but /proc and the runtime directory that it
 * removes, and knows nothing of desktops. TERM-1..3, D-17, SUP-09, SUP-10,
 * SUP-16.
 */

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/clock.h"
#include "guard/keep.h"

/*
 * From the first wish to stop until whatever is left is killed: the 10 s of TERM-1, after which
 * the supervisor kills its own children; and while that runs a moment for it to end by itself.
 */
#define GUARD_STOP_USEC (10 * USEC_PER_SEC)
#define GUARD_GRACE_USEC (200 * USEC_PER_MSEC)

struct guard {
	const char *runtime_dir;  /* removed at the end */
	const char *runtime_base; /* removed at the end too; NULL: it is not ours */
	const char *lock_file;	  /* removed at the end */
	int lock_fd;		  /* holds the lock; -1: none */
	int report_fd;		  /* goes to the supervisor, see supervisor/report.h; -1: none */
	int manager_fd;	   /* to the service manager; -1: there is none */
	int notify_fds[2]; /* what it is to be told: our end and the supervisor's */
	bool manager_is_deaf; /* it was given its time, and is not again before it listens */
	const char *program;	       /* of the supervisor: its path */
	const char *const *supervisor; /* its arguments, a bare name first; NULL-terminated */

	pid_t pid;	/* the supervisor's; 0 once it has ended */
	int status;	/* its wait status */
	struct keep keep;
	int n_deaths; /* of supervisors that were killed */
	unsigned n_early_deaths; /* in a row, before they had taken over */
	bool is_given_up; /* it did not end in time: what is left is ended without it */
	sigset_t waiting; /* signals for one that is still taking over */
	usec_t kill_at; /* CLOCK_MONOTONIC; USEC_NEVER until a stop is wanted */
	usec_t ask_all_at; /* when more than the supervisor is asked to end; USEC_NEVER: not now */
};

/* Runs until nothing is left. Returns the exit status for main(). */
int guard_run(struct guard *self);
