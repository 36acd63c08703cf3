/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/child.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"

#define KILL_AFTER_USEC (10 * USEC_PER_SEC)

void child_init(struct child *self, sd_event *event, child_ended_fn ended, void *data)
{
	*self = (struct child){ .name = "child", .event = event, .ended = ended, .data = data };
}

/* As wait(2) would have told it. */
static int wait_status(int code, int status)
{
	if (code == CLD_EXITED)
		return W_EXITCODE(status, 0);
	return status | (code == CLD_DUMPED ? WCOREFLAG : 0);
}

static int handle_exit(sd_event_source *source, const siginfo_t *info, void *data)
{
	struct child *self = data;
	pid_t group = self->pid;

	(void)source;
	log_info("wait() returned (%d,%d)", (int)self->pid,
		wait_status(info->si_code, info->si_status));
	self->exit_source = sd_event_source_unref(self->exit_source);
	self->kill_timer = sd_event_source_unref(self->kill_timer);
	self->pid = 0;
	/* What it left in its group belonged to it; who wanted to outlive it has left the group. */
	kill(-group, SIGTERM);
	self->ended(self->data, info->si_code, info->si_status);
	return 0;
}

int child_start(struct child *self, struct spawn *spawn, struct outlog_stream *log)
{
	CLEANUP(close) int output = -1;
	pid_t pid;
	int r;

	r = outlog_stream_open(log, &output);
	if (r < 0)
		return r;
	spawn_map(spawn, output >= 0 ? output : STDOUT_FILENO, STDOUT_FILENO);
	spawn_map(spawn, output >= 0 ? output : STDERR_FILENO, STDERR_FILENO);
	spawn->new_session = true;
	pid = spawn_start(spawn);
	if (pid < 0)
		return (int)pid;
	r = sd_event_add_child(
		self->event, &self->exit_source, pid, WEXITED, handle_exit, self);
	if (r < 0) {
		kill(-pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return r;
	}
	self->pid = pid;
	log->pid = pid;
	return 0;
}

static int handle_kill_time(sd_event_source *source, uint64_t usec, void *data)
{
	struct child *self = data;

	(void)source;
	(void)usec;
	log_error("Timed out - sending SIGKILL to %s proc (pid=%d)", self->name, (int)self->pid);
	kill(-self->pid, SIGKILL);
	return 0;
}

void child_stop(struct child *self)
{
	if (self->pid <= 0 || self->kill_timer)
		return;
	log_info("Sending SIGTERM to %s proc (pid=%d)", self->name, (int)self->pid);
	kill(-self->pid, SIGTERM);
	/* A stopped process acts on SIGTERM only once it goes on. */
	kill(-self->pid, SIGCONT);
	/* To the point: the guard is not patient for long after us, and 0 would be 250 ms off. */
	sd_event_add_time_relative(self->event, &self->kill_timer, CLOCK_MONOTONIC,
		KILL_AFTER_USEC, 1, handle_kill_time, self);
}

void child_describe_end(int code, int status, char *text, size_t size)
{
	if (code == CLD_EXITED)
		snprintf(text, size, "ended with exit status %d", status);
	else
		snprintf(text, size, "was killed by signal %d (%s)", status, strsignal(status));
}

void child_finish(struct child *self)
{
	self->exit_source = sd_event_source_unref(self->exit_source);
	self->kill_timer = sd_event_source_unref(self->kill_timer);
	self->pid = 0;
}
