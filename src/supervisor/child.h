/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * A child process of the supervisor: started in its own session, its output
 * in the log, its end an event. Ending it is SIGTERM to its process group,
 * and SIGKILL 10 s later (TERM-1).
 *
 * All children of a daemon are one family. Each run has a number, which its environment carries
 * on to all that descends from it (family.h), so that a supervisor that comes after one that was
 * killed can tell which of them it knows and which not.
 */

#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/list.h"
#include "base/spawn.h"
#include "supervisor/family.h"
#include "supervisor/outlog.h"

struct child;

/* @code, @status: as siginfo_t's si_code and si_status. The child is reaped and may be started anew. */
typedef void (*child_ended_fn)(void *data, int code, int status);

struct child {
	struct list link; /* of its family */
	struct family *family; /* borrowed */
	const char *name; /* for the log, and among its family; borrowed */
	pid_t pid; /* 0: does not run */
	uint64_t start_time; /* of the process, proc_pid_stat(5) */
	uint64_t run; /* its number */
	bool is_adopted; /* its parent is the guard, which tells us its end */
	bool leaves_files; /* unless it is asked to end */
	sd_event_source *exit_source;
	sd_event_source *kill_timer;
	child_ended_fn ended;
	void *data;
};

/* @family, @name: borrowed. */
void child_init(struct child *self, struct family *family, const char *name,
	child_ended_fn ended, void *data);

/**
 * child_start() - run it
 * @spawn:  stdout and stderr are mapped here: to @log, or to ours where @log says so
 *
 * Returns 0 or negative errno; SIGCHLD must be blocked.
 */
int child_start(struct child *self, struct spawn *spawn, struct outlog_stream *log);

/**
 * child_adopt() - go on with a process that a supervisor before us has started
 * @run:    its number
 * @ended:  how it ended follows: child_handle_end()
 *
 * Returns 0 or negative errno; -ESRCH: it is not there any more, or another has its pid.
 */
int child_adopt(
	struct child *self, pid_t pid, uint64_t start_time, uint64_t run, bool ended);

/* An adopted one has ended; @status: as waitpid(2) has it. */
void child_handle_end(struct child *self, int status);

/* Sends @signo to its process group, if it is still the one that was started. It must run. */
void child_signal(const struct child *self, int signo);

/* Asks it to end. Nothing happens if it does not run or was asked already. */
void child_stop(struct child *self);

/* "ended with exit status 1", "was killed by signal 9 (Killed)". */
void child_describe_end(int code, int status, char *text, size_t size);

/* Forgets the process, without ending it, and leaves its family. Safe on a zeroed one. */
void child_finish(struct child *self);
