/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The first exchange on an X connection, without ever waiting. libxcb sends
 * its request and then waits for the server's greeting, for ever when a
 * server is stopped or stuck. So the greeting is fetched here, as it comes.
 * libxcb then gets a socket of ours on which the greeting lies ready, says
 * its part into the void, and in the end finds the server's socket under the
 * same descriptor. Format: X Window System Protocol, chapter 8.
 */

#include <stddef.h>
#include <stdint.h>
#include <xcb/xcb.h>

struct xcb_greeting {
	int fd;	    /* the server's; -1: none */
	int screen; /* the default one, of the display's name */
	uint8_t *bytes;
	size_t n, size;
};

/**
 * xcb_greeting_begin() - connect, and send our request
 * @authority: see xcb_connect_file()
 *
 * Returns 0: call xcb_greeting_read() when @fd is readable; or negative errno as
 * xcb_connect_file() has them. Finish it in either case.
 */
int xcb_greeting_begin(struct xcb_greeting *self, const char *display, const char *authority);

/* Takes in what there is. 0; -EAGAIN: there is more to come; -EACCES: the server refuses us; … */
int xcb_greeting_read(struct xcb_greeting *self);

/* After 0 from xcb_greeting_read(): the connection. The descriptor becomes its own. */
int xcb_greeting_take(struct xcb_greeting *self, xcb_connection_t **ret);

void xcb_greeting_finish(struct xcb_greeting *self);

static inline void cleanup_xcb_greeting(struct xcb_greeting *self)
{
	xcb_greeting_finish(self);
}
