/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/sys.h"

static int check(const struct stat *st)
{
	if (S_ISDIR(st->st_mode))
		return -EISDIR;
	if (!S_ISREG(st->st_mode))
		return -EINVAL;
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return -EPERM;
	return st->st_mode & (S_IWGRP | S_IWOTH) ? -EPERM : 0;
}

int trusted_read(const char *path, size_t max, char **ret, size_t *ret_n)
{
	CLEANUP(close) int fd = sys_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	r = check(&st);
	return r < 0 ? r : sys_read_fd(fd, max, ret, ret_n);
}

int trusted_check(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	return check(&st);
}

const char *trusted_why(int error)
{
	switch (-error) {
	case EPERM:
		return "it is another user's, or others may write it";
	case EINVAL:
		return "it is not a regular file";
	case EFBIG:
		return "it is too large";
	default:
		return strerror(-error);
	}
}
