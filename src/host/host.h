/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What the parts of the host share: the loop, the desktop, the access
 * control, the list of viewers and the latest status document. host.c wires
 * them up; everything here runs on the main thread.
 */

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base/list.h"
#include "host/encode/group.h"
#include "host/stats.h"

struct access;
struct desktop;
struct host_input;
struct link;
struct web;

struct host {
	sd_event *event;
	struct link *link; /* to the supervisor; NULL: run by hand */
	struct access *access;
	struct desktop *desktop;
	struct web *web;     /* the transport */
	struct list clients; /* struct client */
	struct groups groups; /* of them, in step */
	usec_t ack_limit_usec; /* so long a frame may be unacknowledged */
	struct stats stats;
	unsigned next_client_id;
	char *host_name;
	char *status; /* the latest document, JSON text; NULL before the first */
};

/* The set of signed-in viewers changed: tells the supervisor. */
void host_viewers_changed(struct host *self);

/* The X server of @display has left something unanswered, or answers again: tells the
 * supervisor. */
void host_display_answers(struct host *self, const char *display, bool answers);

#define HOST_ACK_LIMIT_USEC (60 * USEC_PER_SEC)

#define HOST_LISTEN_MAX 16

/* What main.c read from the command line and from standard input. */
struct host_options {
	const struct host_input *input;  /* borrowed */
	int control_fd;                  /* taken */
	int listen_fds[HOST_LISTEN_MAX]; /* taken */
	size_t n_listen_fds;
	bool signal_parent;         /* SIGUSR1 when connections are accepted */
	const char *offline_reason; /* serve pages, sign-in and status only; NULL: all */
};

/* Serves until SIGTERM; returns the exit status (exit.h). SIGTERM and SIGINT must be blocked. */
int host_run(const struct host_options *options);
