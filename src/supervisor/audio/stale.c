/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/audio/stale.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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

static bool is_one(const char *pid, const char *const *const *argvs, size_t n_argvs)
{
	CLEANUP(close) int fd = -1;
	char path[64], cmdline[CMDLINE_MAX];
	struct stat st;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
	fd = sys_open(path, O_RDONLY, 0);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != getuid())
		return false;
	n = read(fd, cmdline, sizeof(cmdline));
	for (size_t i = 0; i < n_argvs && n > 0; i++) {
		if (matches(cmdline, (size_t)n, argvs[i]))
			return true;
	}
	return false;
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
static int end_one(struct stale *self, sd_event *event, const char *pid,
	const char *const *const *argvs, size_t n_argvs)
{
	struct process *process = &self->processes[self->n];
	CLEANUP(close) int fd = (int)syscall(SYS_pidfd_open, atoi(pid), 0);
	int r;

	if (fd < 0)
		return errno == ESRCH ? 0 : -errno;
	if (!is_one(pid, argvs, n_argvs))
		return 0;
	r = sd_event_add_io(event, &process->source, fd, EPOLLIN, handle_gone, process);
	if (r < 0)
		return r;
	log_info("ending process %s, which an earlier desktop left", pid);
	signal_by_pidfd(fd, SIGTERM);
	signal_by_pidfd(fd, SIGCONT);
	process->owner = self;
	process->pidfd = TAKE_FD(fd);
	self->n++;
	self->n_left++;
	return 0;
}

static int end_all(
	struct stale *self, sd_event *event, const char *const *const *argvs, size_t n_argvs)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && self->n < STALE_MAX && (entry = readdir(dir))) {
		unsigned long pid;

		if (str_to_uint(entry->d_name, 1, INT32_MAX, &pid) == 0 &&
			(pid_t)pid != getpid() && is_one(entry->d_name, argvs, n_argvs))
			r = end_one(self, event, entry->d_name, argvs, n_argvs);
	}
	closedir(dir);
	return r;
}

int stale_end(struct stale **ret, sd_event *event, const char *const *const *argvs,
	size_t n_argvs, stale_gone_fn gone, void *data)
{
	struct stale *self = mem_new(struct stale);
	int r;

	if (!self)
		return -ENOMEM;
	self->gone = gone;
	self->data = data;
	r = end_all(self, event, argvs, n_argvs);
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
