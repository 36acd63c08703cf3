/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Lines over a stream socket, both ways, without ever blocking: the control
 * socket's clients and the socketpair between supervisor and host.
 *
 * What the peer sends is held to one line of at most @line_max bytes; what it
 * does not read is held to @queue_max bytes. Callbacks come from the loop,
 * never from within a call, and may destroy the channel.
 */

#include <stddef.h>
#include <systemd/sd-event.h>

struct line_channel;

struct line_channel_events {
	/* @line: without its newline, NUL behind it, valid during the call. It may be changed. */
	void (*handle_line)(void *data, char *line, size_t n);
	/*
	 * Once, the last callback: the peer closed (0, lines without a newline are lost), sent
	 * too long a line (-EMSGSIZE), or the socket failed. The owner destroys the channel.
	 */
	void (*handle_end)(void *data, int error);
};

struct line_channel_limits {
	size_t line_max;  /* of what comes in, with the newline */
	size_t queue_max; /* of what waits to go out */
};

/**
 * line_channel_create() - start to speak on a socket
 * @fd:     a connected stream socket; taken on success, and made non-blocking
 * @events: borrowed, outlives the channel
 *
 * Returns 0 or negative errno.
 */
int line_channel_create(struct line_channel **ret, sd_event *event, int fd,
	const struct line_channel_limits *limits, const struct line_channel_events *events,
	void *data);

/**
 * line_channel_send() - queue whole lines
 * @lines: copied, newline included
 *
 * Returns 0; -ENOBUFS: the peer does not read, nothing of it was queued; -EPIPE: the channel
 * has ended; -ENOMEM.
 */
int line_channel_send(struct line_channel *self, const char *lines, size_t n);

/* Closes the socket; what still waits to go out is lost. Takes NULL. */
void line_channel_destroy(struct line_channel *self);
