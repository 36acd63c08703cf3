/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The lock of whoever reads a file to write it anew, so that no change of another's in between is
 * lost (CFG-05). Those who only read need none, nor does who writes regardless: sys_save_file()
 * sees to it that a file is always whole.
 *
 * It is fcntl(2)'s F_OFD_SETLK on FILE.lock, which its holder removes. The kernel lets go of the
 * lock of one that is killed; the empty file that it leaves is in nobody's way.
 */

struct file_lock {
	int fd;
	char *path; /* of the lock */
};

/**
 * file_lock_take() - wait for one's turn
 * @path:        of the file that is to be written; need not exist, its directory does
 * @limit_msec:  of waiting; then -EBUSY
 *
 * Not for event loops, nor for programs with threads: while it waits SIGALRM is its own. Returns 0
 * or negative errno.
 */
int file_lock_take(struct file_lock *self, const char *path, unsigned limit_msec);

void file_lock_release(struct file_lock *self);
