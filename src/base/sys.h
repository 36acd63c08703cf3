/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Files and system calls that can fail for reasons outside the program. They
 * pass through here so that a test can make the n-th one fail. Functions
 * return 0 (or what they say) or negative errno.
 */

#include <stddef.h>
#include <sys/types.h>

/* open(2), O_CLOEXEC always. */
int sys_open(const char *path, int flags, mode_t mode);

int sys_rename(const char *from, const char *to);

/* All of @n bytes, across EINTR and short writes; -EAGAIN when the fd would block. */
int sys_write_all(int fd, const void *bytes, size_t n);

/* Fills @bytes from the kernel's generator; never fails on Linux >= 5.6. */
int sys_random(void *bytes, size_t n);

/**
 * sys_read_file() - the contents of a regular file
 * @max:   more than this is -EFBIG
 * @ret:   allocated, NUL behind the last byte; the caller frees it
 *
 * Never hangs on a FIFO: anything but a regular file is -EINVAL (a directory: -EISDIR).
 */
int sys_read_file(const char *path, size_t max, char **ret, size_t *ret_n);

/* The same for an open descriptor, read to its end from where it stands; any kind of file. */
int sys_read_fd(int fd, size_t max, char **ret, size_t *ret_n);

enum sys_save {
	SYS_SAVE_REPLACE,
	SYS_SAVE_NEW, /* -EEXIST when the file is there already; two writers: one wins */
};

/**
 * sys_save_file() - write a file so that a crash leaves the old or the new one, whole
 *
 * Temporary file beside it, mode 0600 from birth, fsync, rename (or link), fsync of the
 * directory (CFG-01). It waits for the disk. Two writers of one file need file-lock.h as well, if
 * what one writes depends on what it read.
 *
 * A link of this user's or of root's stays one, and the file that it leads to is replaced (another
 * user's: -EPERM). What is there must be a regular file: -EISDIR, -EINVAL.
 *
 * On failure the old file is untouched and the temporary one is gone (CFG-04). When only the last
 * step fails the new file is in place: that is success, and logged as a warning.
 */
int sys_save_file(const char *path, const void *bytes, size_t n, enum sys_save how);

/**
 * sys_new_log() - make PREFIX_DATE_TIME_RANDOM, and PREFIX.latest a link to it
 * @ret_path:    allocated
 * @ret_linked:  0, or why there is no link: negative errno
 *
 * For a directory that everybody writes to: the file is new and 0600, no link that lies there is
 * followed, and nothing is changed by its name. The descriptor, or negative errno.
 */
int sys_new_log(const char *prefix, char **ret_path, int *ret_linked);

/* Makes @path and what is missing above it, each 0700. A directory in its place is success. */
int sys_make_dirs(const char *path);

/* Removes @path and all below it, never following a link. Nothing there is success. */
int sys_remove_tree(const char *path);
