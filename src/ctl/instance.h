/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Is it running? The lock alone says so (fcntl(2), F_OFD_SETLK, on
 * CONFIG_DIR/lock, held by the guard as long as anything of the desktop
 * lives); its text, written by guard/main.c, only tells who holds it and where
 * to talk to. Such a lock can be asked about without being taken, so that a
 * question at the wrong moment never makes a start fail. INST-5, D-16.
 */

#include <stdint.h>
#include <sys/types.h>

#include "base/paths.h"

struct instance {
	pid_t guard_pid; /* 0: it has not yet said who it is */
	uint64_t guard_start_time;
	char socket[256];
};

enum instance_lock {
	INSTANCE_FREE,	  /* nobody runs; the caller holds the lock now, if it wanted to */
	INSTANCE_RUNNING, /* *ret is filled */
	INSTANCE_ERROR,
};

/**
 * instance_lock() - take the lock, or learn who has it
 * @ret_fd: the lock, close-on-exec, on INSTANCE_FREE; NULL: only asking
 *
 * On INSTANCE_ERROR *@ret_error is negative errno.
 */
enum instance_lock instance_lock(
	const struct paths *paths, struct instance *ret, int *ret_fd, int *ret_error);

/**
 * instance_await_holder() - as instance_lock(), asking, until the holder has said who it is
 * @limit_msec: then @ret->guard_pid is still 0
 */
enum instance_lock instance_await_holder(const struct paths *paths, int limit_msec,
	struct instance *ret, int *ret_error);

/* A pidfd of the guard, checked against its start time; negative errno (-ESRCH: gone). */
int instance_pidfd(const struct instance *self);
