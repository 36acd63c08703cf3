/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What a service manager gets to know, sd_notify(3): that we are ready, how we
 * do, that we read the configuration anew or end, and that the loop goes
 * round. It goes by way of the guard, see base/notify-socket.h; where no
 * manager listens nothing here does anything. PKG-1, SUP-16.
 *
 * Ready is when a host accepts (MSG-3): then somebody answers, whatever
 * becomes of the desktop. Two things make the contract's unit, which was of
 * Type=simple, look as it did to those who call it:
 *
 * - who starts it waits no longer than for the setuid wrapper (US-12): a host
 *   that finds no network must not hold up a boot, which waits for its units;
 * - a daemon that ends of its own will with 0 (EXIT-1, --stop) before it was
 *   ready says that it was, or its clean end would be a failure of protocol.
 *
 * $WATCHDOG_PID names the guard, for it is the main process; it is our parent, and that will do.
 */

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#include "base/clock.h"
#include "wire/status.h"

#define NOTIFY_READY_LIMIT_USEC (120 * USEC_PER_SEC)
#define NOTIFY_STATUS_MAX 160

struct notify {
	sd_event *event; /* borrowed */
	int fd;		 /* to the guard; -1: nobody listens */
	bool is_ready, is_stopping; /* said */
	bool is_unheard; /* the last message was; the log knows */
	char status[NOTIFY_STATUS_MAX]; /* as said last */
	usec_t ping_every; /* 0: no watchdog */
	sd_event_source *ping, *ready_limit;
};

/* @ready_limit: NOTIFY_READY_LIMIT_USEC. Never fails: without a listener it is inert. */
void notify_init(struct notify *self, sd_event *event, usec_t ready_limit);

/* A predecessor has said that we are ready. */
void notify_is_known_ready(struct notify *self);

/* How things stand; only what is new goes out. */
void notify_state(struct notify *self, bool host_is_ready, const char *status);

/* Around the reading of a configuration. */
void notify_reloading(struct notify *self);
void notify_reloaded(struct notify *self);

/* The end has begun; the daemon's exit status will be @exit_status. */
void notify_stopping(struct notify *self, int exit_status);

/* Safe on a zeroed one. */
void notify_finish(struct notify *self);

/* "ready, display :20, 2 viewers"; @display NULL: none. */
void notify_describe(char *text, size_t size, enum status_state state, const char *display,
	size_t n_viewers);
