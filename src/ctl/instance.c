/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/sys.h"

/* The guard unlinks the file as it ends: a lock on what is no longer there means nothing. */
static bool is_still_there(int fd, const char *path)
{
	struct stat ours, theirs;

	return fstat(fd, &ours) == 0 && stat(path, &theirs) == 0 && ours.st_ino == theirs.st_ino
		&& ours.st_dev == theirs.st_dev;
}

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

enum instance_lock instance_lock(
	const struct paths *paths, struct instance *ret, int *ret_fd, int *ret_error)
{
	for (;;) {
		CLEANUP(close) int fd = sys_open(paths->lock_file,
			ret_fd ? O_RDWR | O_CREAT | O_NOFOLLOW : O_RDONLY | O_NOFOLLOW, 0600);

		if (fd == -ENOENT && !ret_fd)
			return INSTANCE_FREE;
		if (fd < 0) {
			*ret_error = fd;
			return INSTANCE_ERROR;
		}
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			if (errno == EINTR)
				continue;
			if (errno != EWOULDBLOCK) {
				*ret_error = -errno;
				return INSTANCE_ERROR;
			}
			read_holder(fd, ret);
			return INSTANCE_RUNNING;
		}
		if (!is_still_there(fd, paths->lock_file))
			continue;
		if (ret_fd)
			*ret_fd = TAKE_FD(fd);
		return INSTANCE_FREE;
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
