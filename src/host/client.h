/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * One viewer: its sign-in, its place in the picture (one frame in flight and
 * a dirty set), what it presses. Speaks docs/protocol.md over a connection.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connection;
struct host;

struct client;

/* Close codes of ours beside RFC 6455's 1001 (going away), 1002, 1009. */
enum client_close {
	CLIENT_CLOSE_GOING_AWAY = 1001,
	CLIENT_CLOSE_PROTOCOL = 1002,
	CLIENT_CLOSE_REFUSED = 4001,
	CLIENT_CLOSE_TIMEOUT = 4002,
};

/*
 * @connection: borrowed, outlives the client. Enters host->clients and arms the sign-in time
 * limit. NULL: out of memory.
 */
struct client *client_create(struct host *host, struct connection *connection);

/* A whole message from the viewer. Bad ones make it close the connection. */
void client_handle_message(struct client *self, const uint8_t *bytes, size_t n);

/**
 * client_produce() - the next message for the viewer, the most urgent first
 * @ret:  borrowed until the next call; CONNECTION_HEADROOM writable bytes stand before it
 *
 * Returns false when there is nothing to send now.
 */
bool client_produce(struct client *self, const uint8_t **ret, size_t *ret_n);

/* Releases what the viewer holds down. Takes NULL. */
void client_destroy(struct client *self);

/* What host.c tells every client. */
void client_handle_status(struct client *self);

/* What desktop.c tells every client: another screen (or none), changed tiles, a new cursor. */
void client_handle_screen(struct client *self);
void client_handle_damage(struct client *self);
void client_handle_cursor(struct client *self);

/* Or the second connection of one who is. */
bool client_is_signed_in(const struct client *self);
unsigned client_id(const struct client *self);

/* Calls @call for each viewer of @host, signed in or not; it may destroy that viewer. */
void client_each(struct host *host, void (*call)(struct client *self));

/* What is counted of those who are signed in: an array of STATS_VIEWERS_MAX at most, and how
 * many more there are. NULL: out of memory. */
json_t *client_stats_to_json(const struct host *host, size_t *ret_n_left_out);

/* The "viewers" array of the status document: who is signed in. NULL: out of memory. */
json_t *client_list_to_json(const struct host *host);
