/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/stale.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"

#define KILL_AFTER_USEC (10 * USEC_PER_SEC)
#define CMDLINE_MAX 4096

struct process {
	int pidfd; /* -1: gone */
	sd_event_source *source;
	struct stale *owner;
};

struct stale {
	struct process processes[STALE_MAX];
	size_t n, n_left;
	sd_event_source *timer;
	stale_gone_fn gone;
	void *data;
};

static bool matches(const char *cmdline, size_t n, const char *const *argv)
{
	const char *end = cmdline + n;

	for (; *argv; argv++) {
		size_t length = strlen(*argv) + 1;

		if ((size_t)(end - cmdline) < length || memcmp(cmdline, *argv, length) != 0)
			return false;
		cmdline += length;
	}
	return cmdline == end;
}

struct arguments {
	const char *const *const *argvs;
	size_t n;
};

static bool has_arguments(const void *data, pid_t pid)
{
	const struct arguments *arguments = data;
	CLEANUP(close) int fd = -1;
	char path[64], cmdline[CMDLINE_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	fd = sys_open(path, O_RDONLY, 0);
	if (fd < 0)
		return false;
	n = read(fd, cmdline, sizeof(cmdline));
	for (size_t i = 0; i < arguments->n && n > 0; i++) {
		if (matches(cmdline, (size_t)n, arguments->argvs[i]))
			return true;
	}
	return false;
}

static bool is_ours(pid_t pid)
{
	char path[64];
	struct stat st;

	/* What is in it is root's when the process hides its memory. */
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	return stat(path, &st) == 0 && st.st_uid == getuid();
}

static int signal_by_pidfd(int pidfd, int signo)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0) < 0 ? -errno : 0;
}

static int handle_gone(sd_event_source *source, int fd, uint32_t revents, void *data)
{
	struct process *self = data;
	struct stale *owner = self->owner;

	(void)source;
	(void)fd;
	(void)revents;
	self->source = sd_event_source_unref(self->source);
	self->pidfd = fd_close(self->pidfd);
	if (--owner->n_left == 0)
		owner->gone(owner->data);
	return 0;
}

static int handle_late(sd_event_source *source, uint64_t usec, void *data)
{
	struct stale *self = data;

	(void)source;
	(void)usec;
	for (size_t i = 0; i < self->n; i++) {
		if (self->processes[i].pidfd >= 0)
			signal_by_pidfd(self->processes[i].pidfd, SIGKILL);
	}
	return 0;
}

/* The pid may belong to another by now: it is looked at again once the pidfd holds it. */
static int end_one(struct stale *self, sd_event *event, pid_t pid, stale_matches_fn is_one,
	const void *is_one_data)
{
	struct process *process = &self->processes[self->n];
	CLEANUP(close) int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	int r;

	if (fd < 0)
		return errno == ESRCH ? 0 : -errno;
	if (!is_one(is_one_data, pid))
		return 0;
	r = sd_event_add_io(event, &process->source, fd, EPOLLIN, handle_gone, process);
	if (r < 0)
		return r;
	log_info("ending process %d, which an earlier desktop left", (int)pid);
	signal_by_pidfd(fd, SIGTERM);
	signal_by_pidfd(fd, SIGCONT);
	process->owner = self;
	process->pidfd = TAKE_FD(fd);
	self->n++;
	self->n_left++;
	return 0;
}

static int end_all(
	struct stale *self, sd_event *event, stale_matches_fn is_one, const void *is_one_data)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && self->n < STALE_MAX && (entry = readdir(dir))) {
		unsigned long number;
		pid_t pid;

		if (str_to_uint(entry->d_name, 1, INT32_MAX, &number) < 0)
			continue;
		pid = (pid_t)number;
		if (pid != getpid() && is_ours(pid) && is_one(is_one_data, pid))
			r = end_one(self, event, pid, is_one, is_one_data);
	}
	closedir(dir);
	return r;
}

int stale_end_if(struct stale **ret, sd_event *event, stale_matches_fn is_one,
	const void *is_one_data, stale_gone_fn gone, void *data)
{
	struct stale *self = mem_new(struct stale);
	int r;

	if (!self)
		return -ENOMEM;
	self->gone = gone;
	self->data = data;
	r = end_all(self, event, is_one, is_one_data);
	if (r == 0 && self->n)
		r = sd_event_add_time_relative(event, &self->timer, CLOCK_MONOTONIC,
			KILL_AFTER_USEC, 0, handle_late, self);
	if (r < 0 || self->n == 0) {
		stale_destroy(self);
		self = NULL;
	}
	if (r >= 0)
		*ret = self;
	return r < 0 ? r : 0;
}

int stale_end(struct stale **ret, sd_event *event, const char *const *const *argvs,
	size_t n_argvs, stale_gone_fn gone, void *data)
{
	const struct arguments arguments = { argvs, n_argvs };

	return stale_end_if(ret, event, has_arguments, &arguments, gone, data);
}

void stale_destroy(struct stale *self)
{
	if (!self)
		return;
	self->timer = sd_event_source_unref(self->timer);
	for (size_t i = 0; i < self->n; i++) {
		self->processes[i].source = sd_event_source_unref(self->processes[i].source);
		fd_close(self->processes[i].pidfd);
	}
	free(self);
}
