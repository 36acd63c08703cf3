/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Opening a connection to an X server with the cookie of one named authority
 * file. Neither DISPLAY nor XAUTHORITY nor ~/.Xauthority is looked at: a
 * daemon that serves one display among several must not depend on what its
 * environment says. The file's format: Xsecurity(7), XauReadAuth(3).
 */

#include <xcb/xcb.h>

/**
 * xcb_connect_file() - connect to a local X server
 * @display:    ":20" (a screen suffix is allowed)
 * @authority:  the authority file; NULL: connect without a cookie
 * @ret:        the caller ends it with xcb_disconnect()
 * @ret_screen: number of the default screen; may be NULL
 *
 * The entry used is the first MIT-MAGIC-COOKIE-1 for this display number (or for any) of
 * family local or wild. Without such an entry the connection is tried with no cookie.
 *
 * Waits for the server's greeting: call it once the server has said that it is ready.
 *
 * Returns 0; -EINVAL for a malformed @display; -ECONNREFUSED when the server is not there or
 * refuses us; an error of reading the file; -ENOMEM.
 */
int xcb_connect_file(const char *display, const char *authority, xcb_connection_t **ret,
	int *ret_screen);
