/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * A child process of the supervisor: started in its own session, its output
 * in the log, its end an event. Ending it is SIGTERM to its process group,
 * and SIGKILL 10 s later (TERM-1).
 */

#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/spawn.h"
#include "supervisor/outlog.h"

struct child;

/* @code, @status: as siginfo_t's si_code and si_status. The child is reaped and may be started anew. */
typedef void (*child_ended_fn)(void *data, int code, int status);

struct child {
	const char *name; /* for the log; borrowed */
	pid_t pid; /* 0: does not run */
	sd_event *event; /* borrowed */
	sd_event_source *exit_source;
	sd_event_source *kill_timer;
	child_ended_fn ended;
	void *data;
};

/* Its @name is "child" until somebody sets another. */
void child_init(struct child *self, sd_event *event, child_ended_fn ended, void *data);

/**
 * child_start() - run it
 * @spawn:  stdout and stderr are mapped here: to @log, or to ours where @log says so
 *
 * Returns 0 or negative errno; SIGCHLD must be blocked.
 */
int child_start(struct child *self, struct spawn *spawn, struct outlog_stream *log);

/* Asks it to end. Nothing happens if it does not run or was asked already. */
void child_stop(struct child *self);

/* "ended with exit status 1", "was killed by signal 9 (Killed)". */
void child_describe_end(int code, int status, char *text, size_t size);

/* Forgets the process, without ending it. */
void child_finish(struct child *self);
