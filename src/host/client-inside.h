/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What a client is inside, for the files that share it: client.c has its life and what host and
 * desktop tell it, client-receive.c takes what its viewer says, client-send.c says what that is
 * sent. client.h is the manual.
 */

#include "base/clock.h"
#include "base/str.h"
#include "host/access/access.h"
#include "host/client.h"
#include "host/connection.h"
#include "host/desktop.h"
#include "host/encode/echo.h"
#include "host/encode/pacer.h"
#include "host/host.h"
#include "host/input/input.h"
#include "host/stages.h"
#include "host/stats.h"
#include "host/twin.h"

enum client_state {
	CLIENT_WAITING, /* for SIGN_IN */
	CLIENT_TRYING,	/* access control thinks */
	CLIENT_IN,
	CLIENT_REFUSED,
	CLIENT_TWIN, /* the second connection of one who is in: see twin.h */
};

struct client {
	struct list link;
	struct host *host;	       /* borrowed */
	struct connection *connection; /* borrowed */
	unsigned id;
	usec_t since; /* wall clock, of the sign-in */
	enum client_state state;
	bool closed; /* the connection knows; nothing is done any more */
	sd_event_source *deadline; /* of the sign-in; then of an ACK */
	unsigned decodes;
	struct access_try *trying;
	struct access_outcome outcome; /* until WELCOME or REFUSED is sent */

	/* In CLIENT_IN only. */
	struct pacer pacer;
	struct input_holder holder;
	struct stages_frame frame; /* the times of the one that is next */
	struct stats_viewer stats;
	bool can_join; /* by a second connection */
	struct twin twin;
	struct echo echo; /* for that one to send */

	struct client *other; /* the twin's viewer, or the viewer's twin; NULL: none */

	/* What is to be sent, beside frames. */
	bool must_answer; /* WELCOME or REFUSED */
	bool must_pong;
	bool must_offer; /* TWIN */
	bool must_status;
	bool must_screen;
	bool must_cursor;
	uint32_t cookie;
	struct strbuf message;
};

static inline bool client_is_in(const struct client *self)
{
	return self->state == CLIENT_IN && !self->closed;
}

static inline struct input *client_input(const struct client *self)
{
	return desktop_input(self->host->desktop);
}

/* The transport destroys it afterwards; the others need not wait for that. */
void client_drop(struct client *self, enum client_close code, const char *why);
void client_drop_for_protocol(struct client *self);
void client_drop_for_memory(struct client *self);

/* Instead of the one that is set. */
int client_set_deadline(struct client *self, usec_t delay, sd_event_time_handler_t handler);

/* Who is not in by then is dropped. */
int client_limit_sign_in(struct client *self, usec_t delay);

/* @what: one of its must_…; goes out as soon as the connection takes it. */
void client_want(struct client *self, bool *what);
