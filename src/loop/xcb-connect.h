/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Opening a connection to an X server with the cookie of one named authority
 * file. Neither DISPLAY nor XAUTHORITY nor ~/.Xauthority is looked at: a
 * daemon that serves one display among several must not depend on what its
 * environment says. Nor is a server believed that is neither our own user's
 * nor root's: see x-socket.h.
 */

#include <systemd/sd-event.h>
#include <xcb/xcb.h>

#include "base/clock.h"

/**
 * xcb_connect_file() - connect to a local X server, and wait for it, 5 s at most
 * @display:    ":20" (a screen suffix is allowed)
 * @authority:  the authority file, see x-authority.h; NULL: connect without a cookie
 * @ret:        the caller ends it with xcb_disconnect()
 * @ret_screen: number of the default screen; may be NULL
 *
 * Without an entry for the display the connection is tried with no cookie.
 *
 * Waits for the server's greeting: call it once the server has said that it is ready, or use
 * xcb_connect_start().
 *
 * Returns 0; -EINVAL for a malformed @display; -ECONNREFUSED when the server is not there;
 * -EACCES when it refuses us, -EUSERS when it has too many clients already; -EPERM when it
 * belongs to somebody else; -ETIMEDOUT, or -EAGAIN at once, when it is stuck; an error of reading the file; -ENOMEM.
 */
int xcb_connect_file(const char *display, const char *authority, xcb_connection_t **ret,
	int *ret_screen);

struct xcb_connecting;

/* @error: 0, or negative errno as above; @connection: the callee's own. Never from within. */
typedef void (*xcb_connected_fn)(
	void *data, int error, xcb_connection_t *connection, int screen);

/**
 * xcb_connect_start() - the same without waiting
 * @limit:  how long the server may take to answer, see limit.h; USEC_NEVER: for ever
 * @done:   called once, unless cancelled; the object is gone by then
 *
 * Returns 0 or an error as above: then @done is not called.
 */
int xcb_connect_start(struct xcb_connecting **ret, sd_event *event, const char *display,
	const char *authority, usec_t limit, xcb_connected_fn done, void *data);

/* Takes NULL. */
void xcb_connect_cancel(struct xcb_connecting *self);
