/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "loop/child-source.h"
#include "supervisor/keeper.h"

#define KILL_AFTER_USEC (10 * USEC_PER_SEC)

void child_init(struct child *self, struct family *family, const char *name,
	child_ended_fn ended, void *data)
{
	*self = (struct child){ .family = family, .name = name, .ended = ended, .data = data };
	list_append(&family->children, &self->link);
}

/* As wait(2) would have told it. */
static int wait_status(int code, int status)
{
	if (code == CLD_EXITED)
		return W_EXITCODE(status, 0);
	return status | (code == CLD_DUMPED ? WCOREFLAG : 0);
}

static void end(struct child *self, int code, int status)
{
	pid_t group = self->pid;

	log_info("wait() returned (%d,%d)", (int)self->pid, wait_status(code, status));
	self->exit_source = sd_event_source_unref(self->exit_source);
	self->kill_timer = sd_event_source_unref(self->kill_timer);
	self->pid = 0;
	keeper_forget(self->family->keeper, group);
	/*
	 * What it left in its group belonged to it; who wanted to outlive it has left the group.
	 * The guard has seen to an adopted one's, for that number may be another's by now (SUP-11).
	 */
	if (!self->is_adopted)
		kill(-group, SIGTERM);
	self->ended(self->data, code, status);
}

static int handle_exit(sd_event_source *source, const siginfo_t *info, void *data)
{
	(void)source;
	end(data, info->si_code, info->si_status);
	return 0;
}

void child_handle_end(struct child *self, int status)
{
	if (WIFEXITED(status))
		end(self, CLD_EXITED, WEXITSTATUS(status));
	else
		end(self, WCOREDUMP(status) ? CLD_DUMPED : CLD_KILLED, WTERMSIG(status));
}

/* @self->pid runs: our own child, or since the death of its parent the guard's. */
static int watch(struct child *self)
{
	keeper_child(self->family->keeper, self->pid);
	if (self->is_adopted)
		return 0;
	return child_source_add(
		self->family->event, &self->exit_source, self->pid, handle_exit, self);
}

/*
 * The environment with the mark of this run in place of one that we may have inherited: a list
 * that points to the same strings.
 */
static const char **mark_env(const char *const *envp, const char *mark)
{
	const char **list;
	size_t n = 0;

	while (envp[n])
		n++;
	list = mem_alloc(n + 2, sizeof(*list));
	if (!list)
		return NULL;
	n = 0;
	for (; *envp; envp++) {
		if (!str_starts(*envp, FAMILY_VARIABLE "="))
			list[n++] = *envp;
	}
	list[n] = mark;
	return list;
}

/* A fork and execution with the mark of its run. */
static pid_t spawn_marked(struct child *self, struct spawn *spawn)
{
	CLEANUP(free) char *mark = NULL, *variable = NULL;
	CLEANUP(free) const char **envp = NULL;

	self->run = ++self->family->last_run;
	spawn->mark = self->family->mark;
	if (!self->family->desktop || !spawn->envp)
		return spawn_start(spawn);
	mark = family_mark(self->family, self->name, self->run);
	if (!mark)
		return -ENOMEM;
	variable = mem_printf(FAMILY_VARIABLE "=%s", mark);
	if (!variable)
		return -ENOMEM;
	envp = mark_env(spawn->envp, variable);
	if (!envp)
		return -ENOMEM;
	spawn->envp = envp;
	return spawn_start(spawn);
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
	pid = spawn_marked(self, spawn);
	if (pid < 0)
		return (int)pid;
	self->pid = pid;
	self->start_time = proc_start_time(pid);
	self->is_adopted = false;
	r = watch(self);
	if (r < 0) {
		kill(-pid, SIGKILL);
		waitpid(pid, NULL, 0);
		self->pid = 0;
		return r;
	}
	log->pid = pid;
	return 0;
}

int child_adopt(struct child *self, pid_t pid, uint64_t start_time, uint64_t run, bool ended)
{
	struct proc_stat stat;
	int r;

	self->pid = pid;
	self->start_time = start_time;
	self->run = run;
	self->is_adopted = true;
	if (ended)
		return 0;
	r = proc_stat_read(pid, &stat);
	if (r == 0 && stat.start_time != start_time)
		r = -ESRCH;
	if (r == 0) {
		/* An upgrade leaves us the parent. */
		self->is_adopted = stat.parent != getpid();
		r = watch(self);
	}
	if (r < 0)
		self->pid = 0;
	return r < 0 ? r : 0;
}

void child_signal(const struct child *self, int signo)
{
	/* Our own child is reaped after we have heard of its end, an adopted one before. */
	if (!self->is_adopted || proc_start_time(self->pid) == self->start_time)
		kill(-self->pid, signo);
}

static int handle_kill_time(sd_event_source *source, uint64_t usec, void *data)
{
	struct child *self = data;

	(void)source;
	(void)usec;
	log_error("Timed out - sending SIGKILL to %s proc (pid=%d)", self->name, (int)self->pid);
	child_signal(self, SIGKILL);
	return 0;
}

void child_stop(struct child *self)
{
	if (self->pid <= 0 || self->kill_timer)
		return;
	log_info("Sending SIGTERM to %s proc (pid=%d)", self->name, (int)self->pid);
	child_signal(self, SIGTERM);
	/* A stopped process acts on SIGTERM only once it goes on. */
	child_signal(self, SIGCONT);
	/* To the point: the guard is not patient for long after us, and 0 would be 250 ms off. */
	sd_event_add_time_relative(self->family->event, &self->kill_timer, CLOCK_MONOTONIC,
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
	if (self->family)
		list_remove(&self->link);
}
