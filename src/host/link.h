/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The host's end of the socketpair to its supervisor (--control-fd), which
 * carries the messages of wire/control.h. The host outlives its supervisor: the
 * guard holds that one's end, and the next supervisor goes on with it
 * (CONTROL_TAKEN_OVER). So the line ends when nobody is left.
 */

#include <systemd/sd-event.h>

#include "wire/control.h"

struct link;

struct link_events {
	/* @message: valid during the call; what is kept of it is copied, or referenced (body). */
	void (*handle_message)(void *data, const struct control_message *message);
	/* There was no memory for a message: what somebody waits for may have been in it. Logged. */
	void (*handle_lost)(void *data);
	/* Once, the last callback: supervisor and guard are gone. Already logged. */
	void (*handle_end)(void *data);
};

/**
 * link_create() - speak on @fd
 * @fd:     taken on success
 * @events: borrowed; called from the loop, and must not destroy the link
 *
 * Returns 0 or negative errno.
 */
int link_create(struct link **ret, sd_event *event, int fd, const struct link_events *events,
	void *data);

/* 0; -EPIPE: the supervisor is gone; -ENOBUFS: it does not read; -EMSGSIZE, -ENOMEM. */
int link_send(struct link *self, const struct control_message *message);

/* Takes NULL. */
void link_destroy(struct link *self);
