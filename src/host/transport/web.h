/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * HTTP and WebSocket: serves the embedded page, and connects viewers to
 * clients (docs/protocol.md). libwebsockets waits; the sd-event loop, where
 * everything else of the host lives, is one of the descriptors it waits for.
 */

#include <stddef.h>

#include "host/access/origin.h"

struct host;
struct web;

/**
 * web_create() - accept connections
 * @host:       borrowed; its loop, and what client_create() needs
 * @listen_fds: taken on success
 * @names:      borrowed, as is the list in it; may change whenever the loop runs
 *
 * Returns 0 or negative errno.
 */
int web_create(struct web **ret, struct host *host, const int *listen_fds, size_t n_listen_fds,
	const struct origin_names *names);

/* Runs the loop until web_stop() is through. Returns 0 or negative errno. */
int web_run(struct web *self);

/* Accepts no more, tells the viewers that it goes away, and soon ends web_run(). */
void web_stop(struct web *self);

/* After a client signed in: it no longer counts as a stranger. */
void web_handle_viewers_changed(struct web *self);

/* Destroys the clients too. Takes NULL. */
void web_destroy(struct web *self);
