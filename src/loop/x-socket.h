/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The sockets of local X servers: /tmp/.X11-unix/XN, as a file and in Linux's
 * abstract namespace. A server listens on both, or on one of them.
 */

#include <stdbool.h>
#include <sys/socket.h>

#define X_SOCKET_DIRECTORY "/tmp/.X11-unix"
#define X_SOCKET_NUMBER_MAX 65535

/**
 * x_socket_connect() - reach the server of display :@number
 * @ret_peer: who listens there; may be NULL
 *
 * Never waits. Returns a close-on-exec, non-blocking descriptor, or negative errno:
 * -ECONNREFUSED when nobody listens; -EAGAIN when a server does, but does not accept.
 */
int x_socket_connect(unsigned number, struct ucred *ret_peer);

/*
 * May we give our cookie to this server, and our users' keys? Anybody can listen on a number
 * that is free: only those of our own user and of root are believed.
 */
bool x_socket_is_trusted(const struct ucred *peer);

/* "0", "12": a display number without anything else, 0 to X_SOCKET_NUMBER_MAX. */
bool x_socket_parse_number(const char *text, unsigned *ret);
