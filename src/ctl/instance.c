/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/sys.h"

static void read_holder(int fd, struct instance *ret)
{
	CLEANUP(free) char *text = NULL;
	uint64_t start_time;
	size_t n;
	int pid;

	*ret = (struct instance){ 0 };
	if (lseek(fd, 0, SEEK_SET) < 0 || sys_read_fd(fd, 4096, &text, &n) < 0)
		return;
	if (sscanf(text, "%d %" SCNu64 "\n%255[^\n]", &pid, &start_time, ret->socket) != 3)
		return;
	ret->guard_pid = pid;
	ret->guard_start_time = start_time;
}

/* Takes the lock, or only looks: whoever asks must not stand in the way of one who starts. */
static int try_lock(int fd, bool take)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, take ? F_OFD_SETLK : F_OFD_GETLK, &lock) < 0)
		return errno == EACCES ? -EAGAIN : -errno;
	return take || lock.l_type == F_UNLCK ? 0 : -EAGAIN;
}

enum instance_lock instance_lock(
	const struct paths *paths, struct instance *ret, int *ret_fd, int *ret_error)
{
	for (;;) {
		CLEANUP(close) int fd = sys_open(paths->lock_file,
			ret_fd ? O_RDWR | O_CREAT | O_NOFOLLOW : O_RDONLY | O_NOFOLLOW, 0600);
		int r;

		if (fd == -ENOENT && !ret_fd)
			return INSTANCE_FREE;
		if (fd < 0) {
			*ret_error = fd;
			return INSTANCE_ERROR;
		}
		r = try_lock(fd, ret_fd);
		if (r == -EAGAIN) {
			read_holder(fd, ret);
			return INSTANCE_RUNNING;
		}
		if (r < 0) {
			*ret_error = r;
			return INSTANCE_ERROR;
		}
		/* The guard unlinks it as it ends: a lock on what is no longer there means nothing. */
		if (!fd_is_at(fd, paths->lock_file))
			continue;
		if (ret_fd) {
			/* What one that was killed left there is nobody's name now. */
			if (ftruncate(fd, 0) < 0) {
				*ret_error = -errno;
				return INSTANCE_ERROR;
			}
			*ret_fd = TAKE_FD(fd);
		}
		return INSTANCE_FREE;
	}
}

enum instance_lock instance_await_holder(const struct paths *paths, int limit_msec,
	struct instance *ret, int *ret_error)
{
	CLEANUP(close) int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct pollfd changed = { .fd = watch, .events = POLLIN };
	usec_t end = clock_now() + (usec_t)limit_msec * USEC_PER_MSEC;

	if (watch < 0 || inotify_add_watch(watch, paths->lock_file, IN_MODIFY | IN_ATTRIB) < 0)
		return instance_lock(paths, ret, NULL, ret_error);
	for (;;) {
		enum instance_lock state = instance_lock(paths, ret, NULL, ret_error);
		char events[4096];
		usec_t now = clock_now();

		if (state != INSTANCE_RUNNING || ret->guard_pid || now >= end)
			return state;
		poll(&changed, 1, (int)((end - now) / USEC_PER_MSEC) + 1);
		while (read(watch, events, sizeof(events)) > 0)
			;
	}
}

int instance_pidfd(const struct instance *self)
{
	CLEANUP(close) int fd = -1;

	if (self->guard_pid <= 0)
		return -ESRCH;
	fd = (int)syscall(SYS_pidfd_open, self->guard_pid, 0);
	if (fd < 0)
		return -errno;
	/* Checked after opening: from here on the descriptor cannot come to mean another. */
	if (proc_start_time(self->guard_pid) != self->guard_start_time)
		return -ESRCH;
	return TAKE_FD(fd);
}
