/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/audio/query.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "loop/child-source.h"

#define OUTPUT_MAX 4096

struct query {
	int fd;
	pid_t pid; /* 0: it has ended */
	sd_event_source *exit_source, *timer;
	query_done_fn done; /* NULL: was called */
	void *data;
};

static void finish(struct query *self, const char *output)
{
	query_done_fn done = self->done;

	self->timer = sd_event_source_unref(self->timer);
	self->done = NULL;
	if (done)
		done(self->data, output);
}

/*
 * All that it printed is in the pipe by now. One that prints more than a pipe holds does not
 * end, and is late.
 */
static int handle_exit(sd_event_source *source, const siginfo_t *info, void *data)
{
	struct query *self = data;
	char output[OUTPUT_MAX];
	ssize_t n;

	(void)source;
	self->exit_source = sd_event_source_unref(self->exit_source);
	self->pid = 0;
	n = read(self->fd, output, sizeof(output) - 1);
	output[n > 0 ? n : 0] = '\0';
	finish(self, info->si_code == CLD_EXITED && info->si_status == 0 ? output : NULL);
	return 0;
}

static int handle_late(sd_event_source *source, uint64_t usec, void *data)
{
	struct query *self = data;

	(void)source;
	(void)usec;
	kill(-self->pid, SIGKILL);
	finish(self, NULL);
	return 0;
}

int query_create(struct query **ret, sd_event *event, const char *program, const char *option,
	usec_t limit, query_done_fn done, void *data)
{
	const char *argv[] = { program, option, NULL };
	struct spawn spawn = { .argv = argv, .new_session = true };
	struct query *self = mem_new(struct query);
	CLEANUP(close) int write_end = -1;
	int fds[2], r;

	if (!self)
		return -ENOMEM;
	*self = (struct query){ .fd = -1, .done = done, .data = data };
	r = pipe2(fds, O_CLOEXEC) < 0 ? -errno : 0;
	if (r < 0)
		goto fail;
	self->fd = fds[0];
	write_end = fds[1];
	r = fd_set_nonblock(self->fd);
	if (r < 0)
		goto fail;
	spawn_map(&spawn, write_end, STDOUT_FILENO);
	r = spawn_start(&spawn);
	if (r < 0)
		goto fail;
	self->pid = r;
	r = child_source_add(event, &self->exit_source, self->pid, handle_exit, self);
	if (r >= 0)
		r = sd_event_add_time_relative(
			event, &self->timer, CLOCK_MONOTONIC, limit, 0, handle_late, self);
	if (r < 0)
		goto fail;
	*ret = self;
	return 0;
fail:
	query_destroy(self);
	return r;
}

void query_destroy(struct query *self)
{
	if (!self)
		return;
	self->exit_source = sd_event_source_unref(self->exit_source);
	self->timer = sd_event_source_unref(self->timer);
	if (self->pid > 0) {
		kill(-self->pid, SIGKILL);
		waitpid(self->pid, NULL, 0);
	}
	fd_close(self->fd);
	free(self);
}
