/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The socket on which a service manager hears how we do, sd_notify(3). Written here because the
 * guard and the command do without libsystemd, and because sd_notify() waits for a manager that
 * does not read.
 *
 * A manager listens to the processes of the unit's control group. Where PAM opens a session (PAMName=,
 * systemd.exec(5)) logind moves us out of that group, and then it listens to the main process
 * alone, whom it knows by pid: the guard. So the supervisor tells the guard what it has to say, by
 * datagrams on NOTIFY_FD, and the guard passes them on.
 */

#include <stdbool.h>
#include <stddef.h>

#define NOTIFY_FD 203
#define NOTIFY_MAX_BYTES 512

/* A descriptor connected to $NOTIFY_SOCKET, or negative errno (-ENOENT: nobody wants to hear). */
int notify_socket_open(void);

/**
 * notify_socket_send() - one message, "READY=1\nSTATUS=…"
 * @wait:  for a second at most, until a listener that is behind has room for it
 *
 * Returns 0 or negative errno; -EAGAIN: it has none.
 */
int notify_socket_send(int fd, const char *text, size_t n, bool wait);
