/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * A message-oriented connection to one viewer, as the transports (WebSocket,
 * later RFB and WebRTC) offer it to a client, and a test fakes it.
 *
 * The transport owns the connection and its client. It pulls: when the
 * socket can take more it asks client_produce() for the next message, so
 * that nothing is ever queued that could grow stale.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writable bytes that stand before every message given to a transport, for its framing. */
#define CONNECTION_HEADROOM 32

struct connection;

struct connection_impl {
	/* client_produce() is called as soon as the socket takes more; never from within. */
	void (*want_write)(struct connection *self);
	/* Ends the connection after what was produced is sent; client_destroy() follows. */
	void (*close)(struct connection *self, unsigned code, const char *why);
	/* Has its link lost packets of late, on a long way? Then each holds up what is behind it. */
	bool (*loses_packets)(const struct connection *self);
	/* How many packets it has lost so far, either way; 0 as well when that is not known. */
	unsigned (*count_lost)(const struct connection *self);
};

/* Embedded in the transport's own struct. */
struct connection {
	const struct connection_impl *impl;
	char source[64]; /* the peer's address without port, for limits and lists */
};

static inline void connection_want_write(struct connection *self)
{
	self->impl->want_write(self);
}

static inline void connection_close(struct connection *self, unsigned code, const char *why)
{
	self->impl->close(self, code, why);
}

static inline bool connection_loses_packets(const struct connection *self)
{
	return self->impl->loses_packets(self);
}

static inline unsigned connection_count_lost(const struct connection *self)
{
	return self->impl->count_lost(self);
}
