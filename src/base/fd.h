/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * File descriptors: ownership helpers. Every descriptor is O_CLOEXEC from
 * birth; base/spawn.h alone decides what a child inherits. -1 means none.
 */

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

/* Hands over a descriptor: its value, with the variable left -1. */
#define TAKE_FD(fd)                                                                            \
	({                                                                                     \
		int *take_ = &(fd);                                                            \
		int value_ = *take_;                                                           \
		*take_ = -1;                                                                   \
		value_;                                                                        \
	})

/* Closes @fd if there is one; returns -1, keeps errno: fd = fd_close(fd). */
static inline int fd_close(int fd)
{
	if (fd >= 0) {
		int saved = errno;

		close(fd);
		errno = saved;
	}
	return -1;
}

static inline void cleanup_close(int *fd)
{
	fd_close(*fd);
}

/* Makes @fd non-blocking. Returns 0 or negative errno. */
int fd_set_nonblock(int fd);

/* Is @fd an open descriptor of this process? */
int fd_is_open(int fd);

/* Is what @fd has open still what @path names? */
bool fd_is_at(int fd, const char *path);

/*
 * @number, which is above all that are in common use; or, where the hard limit does not allow it,
 * one as far below that limit as @number is below FD_TOP. RES-03.
 */
#define FD_TOP 205
int fd_within_limit(int number);

/* Opens /dev/null in place of each of 0, 1 and 2 that is closed: else a file would get its number. */
void fd_fill_stdio(void);
