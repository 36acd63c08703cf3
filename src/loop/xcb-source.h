/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * An X connection as an event source of an sd-event loop.
 *
 * Events go to one callback. Replies are awaited: send a request, hand its
 * sequence number to xcb_source_await(), and the callback gets the reply (or
 * the error) from the loop. Nothing here waits for the server:
 *
 *	xcb_get_input_focus_cookie_t cookie = xcb_get_input_focus(c);
 *	r = xcb_source_await(source, cookie.sequence, handle_focus, self);
 *
 * Requests are flushed before the loop sleeps, at the latest; call
 * xcb_source_flush() where a request should leave at once. What libxcb reads
 * behind our back (during a flush, or in a blocking call of somebody else's)
 * is found before the loop sleeps, and dispatched.
 *
 * Within one dispatch, events come before replies, whatever their order on
 * the wire. Any callback may destroy the source.
 */

#include <stdbool.h>
#include <systemd/sd-event.h>
#include <xcb/xcb.h>

struct xcb_source;

struct xcb_source_events {
	/* @event: borrowed. Errors of unchecked requests come here too (response_type 0). */
	void (*event)(void *data, const xcb_generic_event_t *event);
	/* All that was read is dispatched: a good moment to act on the sum of it. May be NULL. */
	void (*drained)(void *data);
	/* The connection is dead; called once, last. Awaited replies never come. */
	void (*broken)(void *data);
};

/* Exactly one of @reply (freed by the module) and @error is set; both NULL: success of a
 * request that has no reply. */
typedef void (*xcb_source_reply_fn)(
	void *data, const void *reply, const xcb_generic_error_t *error);

/* @connection: taken, on success. Returns 0 or negative errno. */
int xcb_source_create(struct xcb_source **ret, sd_event *event, xcb_connection_t *connection,
	const struct xcb_source_events *events, void *data);

/* Disconnects; callbacks that still wait are dropped, uncalled. Takes NULL. */
void xcb_source_destroy(struct xcb_source *self);

/* Borrowed, to send requests on. */
xcb_connection_t *xcb_source_connection(const struct xcb_source *self);

/**
 * xcb_source_await() - have @callback called with the reply to a request
 * @sequence:  of the cookie that the request returned
 *
 * Returns 0 or -ENOMEM; the reply is then discarded.
 */
int xcb_source_await(struct xcb_source *self, unsigned sequence,
	xcb_source_reply_fn callback, void *data);

/* The same for a *_checked request that has no reply: tells success or its error. */
int xcb_source_await_check(struct xcb_source *self, xcb_void_cookie_t cookie,
	xcb_source_reply_fn callback, void *data);

/* Drops the callbacks that were given @data. */
void xcb_source_forget(struct xcb_source *self, const void *data);

/* Sends what is queued, unless the server does not read: then it goes out once it does. */
void xcb_source_flush(struct xcb_source *self);

/* Has "drained" called soon, though the server may have nothing to say. */
void xcb_source_wake(struct xcb_source *self);

/*
 * Does the server leave its socket unread? More than a few hundred small requests would
 * then block in libxcb, so whoever passes on requests of others stops until it is false.
 */
bool xcb_source_is_stalled(const struct xcb_source *self);
