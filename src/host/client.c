/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/client.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "host/client-inside.h"
#include "host/cursor/cursor.h"

#define SIGN_IN_USEC (10 * USEC_PER_SEC)
#define DEADLINE_ACCURACY_USEC (USEC_PER_SEC / 4)

/* Each goes on without the other, but a twin has nothing to go on for. */
static void part(struct client *self)
{
	struct client *other = TAKE_PTR(self->other);

	if (!other)
		return;
	other->other = NULL;
	if (other->state == CLIENT_IN) {
		echo_finish(&other->echo);
		other->pacer.has_twin = false;
		return;
	}
	other->closed = true;
	connection_close(other->connection, CLIENT_CLOSE_GOING_AWAY, "the first has ended");
}

void client_drop(struct client *self, enum client_close code, const char *why)
{
	if (self->closed)
		return;
	self->closed = true;
	part(self);
	echo_finish(&self->echo);
	if (self->state == CLIENT_IN)
		pacer_finish(&self->pacer);
	self->deadline = sd_event_source_disable_unref(self->deadline);
	connection_close(self->connection, code, why);
}

void client_drop_for_protocol(struct client *self)
{
	client_drop(self, CLIENT_CLOSE_PROTOCOL, "not in the protocol");
}

void client_drop_for_memory(struct client *self)
{
	log_warning("viewer %u: out of memory", self->id);
	client_drop(self, CLIENT_CLOSE_GOING_AWAY, "out of memory");
}

void client_want(struct client *self, bool *what)
{
	*what = true;
	connection_want_write(self->connection);
}

/* --- its time --- */

int client_set_deadline(struct client *self, usec_t delay, sd_event_time_handler_t handler)
{
	self->deadline = sd_event_source_disable_unref(self->deadline);
	return sd_event_add_time_relative(self->host->event, &self->deadline, CLOCK_MONOTONIC,
		delay, DEADLINE_ACCURACY_USEC, handler, self);
}

static int handle_too_late(sd_event_source *source, uint64_t now, void *data)
{
	(void)source;
	(void)now;
	client_drop(data, CLIENT_CLOSE_TIMEOUT, "too late");
	return 0;
}

int client_limit_sign_in(struct client *self, usec_t delay)
{
	return client_set_deadline(self, delay, handle_too_late);
}

/* --- from host and desktop --- */

void client_handle_status(struct client *self)
{
	if (client_is_in(self) && self->host->status)
		client_want(self, &self->must_status);
}

void client_handle_screen(struct client *self)
{
	if (!client_is_in(self))
		return;
	if (pacer_handle_resize(&self->pacer) < 0)
		client_drop_for_memory(self);
	else
		client_want(self, &self->must_screen);
}

void client_handle_damage(struct client *self)
{
	if (!client_is_in(self))
		return;
	stages_frame_add(&self->frame, &desktop_stages(self->host->desktop)->ready);
	pacer_handle_damage(&self->pacer);
	if (self->other && echo_handle_damage(&self->echo, clock_now()))
		connection_want_write(self->other->connection);
}

void client_handle_cursor(struct client *self)
{
	if (!client_is_in(self))
		return;
	self->must_cursor = desktop_cursor(self->host->desktop)->message;
	if (self->must_cursor)
		connection_want_write(self->connection);
}

/* --- life --- */

struct client *client_create(struct host *host, struct connection *connection)
{
	struct client *self = mem_new(struct client);

	if (!self)
		return NULL;
	self->host = host;
	self->connection = connection;
	if (client_limit_sign_in(self, SIGN_IN_USEC) < 0) {
		free(self);
		return NULL;
	}
	self->id = host->next_client_id++;
	list_append(&host->clients, &self->link);
	return self;
}

void client_destroy(struct client *self)
{
	if (!self)
		return;
	access_try_cancel(self->trying);
	sd_event_source_disable_unref(self->deadline);
	list_remove(&self->link);
	part(self);
	if (self->state == CLIENT_IN) {
		input_remove_holder(client_input(self), &self->holder);
		if (!self->closed)
			pacer_finish(&self->pacer);
		log_info("viewer %u (%s) has left", self->id, self->connection->source);
		host_viewers_changed(self->host);
	}
	strbuf_finish(&self->message);
	echo_finish(&self->echo);
	explicit_bzero(&self->outcome, sizeof(self->outcome));
	free(self);
}

bool client_is_signed_in(const struct client *self)
{
	return self->state == CLIENT_IN || self->state == CLIENT_TWIN;
}

unsigned client_id(const struct client *self)
{
	return self->id;
}

void client_each(struct host *host, void (*call)(struct client *self))
{
	struct client *client, *safe;

	list_for_each_safe(client, safe, &host->clients, link)
		call(client);
}

static json_t *to_json(const struct client *self)
{
	char since[CLOCK_TEXT_MAX];

	return json_pack("{si, ss, ss, sb}", "id", (int)self->id, "address",
		self->connection->source, "since", clock_format(self->since, since), "view_only",
		false);
}

json_t *client_list_to_json(const struct host *host)
{
	json_t *list = json_array();
	const struct client *client;

	list_for_each(client, &host->clients, link) {
		if (client->state != CLIENT_IN)
			continue;
		if (json_array_append_new(list, to_json(client)) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

json_t *client_stats_to_json(const struct host *host, size_t *ret_n_left_out)
{
	json_t *list = json_array();
	const struct client *client;
	size_t n = 0;

	list_for_each(client, &host->clients, link) {
		const struct link_meter *meter = &client->pacer.meter;

		if (client->state != CLIENT_IN || n++ >= STATS_VIEWERS_MAX)
			continue;
		if (json_array_append_new(list,
			    stats_viewer_to_json(&client->stats, meter->known ? meter->rate : 0,
				    to_json(client)))
			< 0) {
			json_decref(list);
			return NULL;
		}
	}
	*ret_n_left_out = n > STATS_VIEWERS_MAX ? n - STATS_VIEWERS_MAX : 0;
	return list;
}
