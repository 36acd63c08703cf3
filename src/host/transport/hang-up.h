/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Peers that have shut down their side (shutdown(2), SHUT_WR) while something waits until they
 * take more of what was sent: they are gone.
 *
 * libwebsockets reads their end, and closes such a connection only once it is rid of the rest.
 * Meanwhile the end can be read again and again: before 4.3 lws_service() does so for ever and
 * does not return, and later ones spin for five seconds. Nothing of its interface comes between
 * poll(2) and that. So this is its poll(2), which says of such a peer that it has hung up, and
 * libwebsockets closes at once.
 */

#include <poll.h>
#include <stdbool.h>

struct hang_up {
	int fd; /* is among those of the call that is meant, as its first or second */
	/* Does something wait for room in that socket? -1: it is no WebSocket of ours. */
	int (*waits)(void *data, int fd);
	void *data;
};

/* For all calls from now on; borrowed. NULL: poll(2) is as ever. */
void hang_up_watch(const struct hang_up *how);

/* Is poll(2) of the whole program, that of its libraries included. */
int hang_up_poll(struct pollfd *fds, nfds_t n, int timeout) __asm__("poll");
