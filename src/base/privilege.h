/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * For programs that are started with more privilege than their caller has: what the caller
 * left them, and how the privilege goes away for good. See execve(2), "Effect on process
 * attributes", for what survives an exec: descriptors, signals, timers, limits, umask, directory.
 */

#include <sys/types.h>

/**
 * privilege_clean() - the process as a first program would find it; call this first in main()
 *
 * Descriptors 0 to 2 are open, no other is; signals are not ignored, blocked or on their way by
 * a timer; limits are those of process 1, which a login starts with, as far as we may raise them;
 * no core is dumped; the umask is 022, the directory "/". The environment stays. Ends the
 * process when it cannot.
 */
void privilege_clean(void);

/* No signal is ignored or blocked. Async-signal-safe. */
void privilege_reset_signals(void);

/**
 * privilege_drop() - become @uid, in all three ids, and never again another
 *
 * Groups are the caller's affair, before. -EPERM when a way back is left: such a process must
 * not go on. Async-signal-safe.
 */
int privilege_drop(uid_t uid);
