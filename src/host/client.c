/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/client.h"

#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "host/access/access.h"
#include "host/connection.h"
#include "host/cursor/cursor.h"
#include "host/desktop.h"
#include "host/encode/pacer.h"
#include "host/host.h"
#include "host/input/input.h"
#include "wire/json-memory.h"
#include "wire/stream.h"
#include "wire/text.h"

#define SIGN_IN_USEC (10 * USEC_PER_SEC)
#define TRYING_USEC (60 * USEC_PER_SEC) /* PINs are checked one at a time */
#define DEADLINE_ACCURACY_USEC (USEC_PER_SEC / 4)
#define MESSAGE_KEPT ((size_t)4 << 10)

enum client_state {
	CLIENT_WAITING, /* for SIGN_IN */
	CLIENT_TRYING,	/* access control thinks */
	CLIENT_IN,
	CLIENT_REFUSED,
};

struct client {
	struct list link;
	struct host *host;	       /* borrowed */
	struct connection *connection; /* borrowed */
	unsigned id;
	usec_t since; /* wall clock, of the sign-in */
	enum client_state state;
	bool closed; /* the connection knows; nothing is done any more */
	sd_event_source *deadline;
	struct access_try *trying;
	struct access_outcome outcome; /* until WELCOME or REFUSED is sent */

	/* In CLIENT_IN only. */
	struct pacer pacer;
	struct input_holder holder;

	/* What is to be sent, beside frames. */
	bool must_answer; /* WELCOME or REFUSED */
	bool must_pong;
	bool must_status;
	bool must_screen;
	bool must_cursor;
	uint32_t cookie;
	struct strbuf message;
};

static const char headroom[CONNECTION_HEADROOM];

static bool is_in(const struct client *self)
{
	return self->state == CLIENT_IN && !self->closed;
}

static struct input *input_of(const struct client *self)
{
	return desktop_input(self->host->desktop);
}

/* The transport destroys us afterwards. */
static void drop(struct client *self, enum client_close code, const char *why)
{
	if (self->closed)
		return;
	self->closed = true;
	self->deadline = sd_event_source_disable_unref(self->deadline);
	connection_close(self->connection, code, why);
}

static void drop_for_protocol(struct client *self)
{
	drop(self, CLIENT_CLOSE_PROTOCOL, "not in the protocol");
}

static void drop_for_memory(struct client *self)
{
	log_warning("viewer %u: out of memory", self->id);
	drop(self, CLIENT_CLOSE_GOING_AWAY, "out of memory");
}

static void want(struct client *self, bool *what)
{
	*what = true;
	connection_want_write(self->connection);
}

/* --- signing in --- */

static int handle_deadline(sd_event_source *source, uint64_t now, void *data)
{
	(void)source;
	(void)now;
	drop(data, CLIENT_CLOSE_TIMEOUT, "too late");
	return 0;
}

static int set_deadline(struct client *self, usec_t delay)
{
	self->deadline = sd_event_source_disable_unref(self->deadline);
	return sd_event_add_time_relative(self->host->event, &self->deadline, CLOCK_MONOTONIC,
		delay, DEADLINE_ACCURACY_USEC, handle_deadline, self);
}

static void refuse(struct client *self, const char *reason, uint32_t retry_after)
{
	self->state = CLIENT_REFUSED;
	self->outcome = (struct access_outcome){ .reason = reason, .retry_after = retry_after };
	want(self, &self->must_answer);
}

static void enter(struct client *self)
{
	struct desktop *desktop = self->host->desktop;

	if (pacer_init(&self->pacer, desktop_scene(desktop), &encode_tiles) < 0) {
		drop_for_memory(self);
		return;
	}
	input_add_holder(input_of(self), &self->holder);
	self->deadline = sd_event_source_disable_unref(self->deadline);
	self->state = CLIENT_IN;
	self->since = clock_wall();
	self->must_status = self->host->status;
	self->must_screen = true;
	self->must_cursor = desktop_cursor(desktop)->message;
	want(self, &self->must_answer);
	log_info("viewer %u (%s) has signed in", self->id, self->connection->source);
	host_viewers_changed(self->host);
	desktop_want(desktop);
}

static void handle_outcome(void *data, const struct access_outcome *outcome)
{
	struct client *self = data;

	self->trying = NULL;
	if (self->closed)
		return;
	if (!outcome->ok) {
		refuse(self, outcome->reason, outcome->retry_after);
		return;
	}
	self->outcome = *outcome;
	enter(self);
}

static void handle_sign_in(struct client *self, const struct stream_sign_in *sign_in)
{
	if (sign_in->version != STREAM_VERSION) {
		refuse(self, "version", 0);
		return;
	}
	if (set_deadline(self, TRYING_USEC) < 0) {
		drop_for_memory(self);
		return;
	}
	self->state = CLIENT_TRYING;
	self->trying = access_try(self->host->access, sign_in->kind, sign_in->secret,
		self->connection->source, handle_outcome, self);
	if (!self->trying)
		refuse(self, "busy", 1);
}

/* --- messages from the viewer --- */

static void handle_ack(struct client *self, uint32_t seq)
{
	if (pacer_ack(&self->pacer, seq) < 0)
		drop_for_protocol(self);
	else if (pacer_is_due(&self->pacer))
		connection_want_write(self->connection);
}

/* The others are between us and the viewer. */
static bool wants_display(enum stream_request type)
{
	return type != STREAM_ACK && type != STREAM_PING;
}

static void handle_signed_in(struct client *self, const struct stream_message *message)
{
	struct input *input = input_of(self);

	switch (message->type) {
	case STREAM_SIGN_IN:
		drop_for_protocol(self);
		break;
	case STREAM_ACK:
		handle_ack(self, message->seq);
		break;
	case STREAM_KEY:
		input_key(input, &self->holder, message->key.code, message->key.down);
		break;
	case STREAM_MOTION:
		input_motion(input, message->motion.x, message->motion.y);
		break;
	case STREAM_BUTTON:
		input_motion(input, message->button.x, message->button.y);
		input_button(input, &self->holder, message->button.number, message->button.down);
		break;
	case STREAM_WHEEL:
		input_motion(input, message->wheel.x, message->wheel.y);
		input_wheel(input, &self->holder, message->wheel.dx, message->wheel.dy);
		break;
	case STREAM_RELEASE:
		input_release(input, &self->holder);
		break;
	case STREAM_PING:
		self->cookie = message->cookie;
		want(self, &self->must_pong);
		break;
	}
	input_flush(input);
	if (wants_display(message->type))
		desktop_want(self->host->desktop);
}

void client_handle_message(struct client *self, const uint8_t *bytes, size_t n)
{
	struct stream_message message;
	int r;

	if (self->closed || self->state == CLIENT_REFUSED)
		return;
	r = stream_parse(bytes, n, &message);
	if (r == -ENOMEM)
		drop_for_memory(self);
	else if (r < 0)
		drop_for_protocol(self);
	else if (self->state == CLIENT_IN)
		handle_signed_in(self, &message);
	else if (self->state == CLIENT_WAITING && message.type == STREAM_SIGN_IN)
		handle_sign_in(self, &message.sign_in);
	else
		drop_for_protocol(self);
	if (r == 0 && message.type == STREAM_SIGN_IN)
		explicit_bzero(&message, sizeof(message));
}

/* --- messages to the viewer --- */

static void put(struct client *self, const void *bytes, size_t n)
{
	strbuf_append(&self->message, bytes, n);
}

static void put_type(struct client *self, enum stream_type type)
{
	put(self, &(uint8_t){ (uint8_t)type }, 1);
}

/* Steals @body; NULL is out of memory. */
static void put_json(struct client *self, json_t *body)
{
	CLEANUP(free) char *text = body ? json_memory_dump(body, JSON_COMPACT) : NULL;

	json_decref(body);
	if (text)
		put(self, text, strlen(text));
	else
		self->message.failed = true;
}

static void put_answer(struct client *self)
{
	struct access_outcome *outcome = &self->outcome;

	if (self->state == CLIENT_IN) {
		put_type(self, STREAM_WELCOME);
		put_json(self, json_pack("{si, so, ss, sI, si}", "version", STREAM_VERSION,
				       "host_name", text_to_json(self->host->host_name),
				       "resume", outcome->resume, "resume_seconds",
				       (json_int_t)outcome->resume_seconds, "viewer",
				       (int)self->id));
	} else {
		put_type(self, STREAM_REFUSED);
		put_json(self, json_pack("{ss, sI}", "reason", outcome->reason, "retry_after",
				       (json_int_t)outcome->retry_after));
	}
	explicit_bzero(outcome, sizeof(*outcome));
}

static void put_pong(struct client *self)
{
	uint8_t bytes[STREAM_PONG_SIZE];

	put(self, bytes, stream_put_pong(bytes, self->cookie));
}

static void put_status(struct client *self)
{
	put_type(self, STREAM_STATUS);
	put(self, self->host->status, strlen(self->host->status));
}

static void put_screen(struct client *self)
{
	const struct scene *scene = desktop_scene(self->host->desktop);
	uint8_t bytes[STREAM_SCREEN_SIZE];

	put(self, bytes, stream_put_screen(bytes, scene->width, scene->height));
}

static void put_cursor(struct client *self)
{
	const struct cursor *cursor = desktop_cursor(self->host->desktop);

	put(self, cursor->message, cursor->n);
}

/* In the order in which they go out. */
static const struct {
	size_t flag; /* of struct client */
	void (*put)(struct client *self);
} outgoing[] = {
	{ offsetof(struct client, must_answer), put_answer },
	{ offsetof(struct client, must_pong), put_pong },
	{ offsetof(struct client, must_status), put_status },
	{ offsetof(struct client, must_screen), put_screen },
	{ offsetof(struct client, must_cursor), put_cursor },
};

static bool take_flag(struct client *self, size_t offset)
{
	bool *flag = (bool *)((char *)self + offset);
	bool value = *flag;

	*flag = false;
	return value;
}

static void begin_message(struct client *self)
{
	if (self->message.size > MESSAGE_KEPT)
		strbuf_finish(&self->message);
	self->message.length = 0;
	put(self, headroom, sizeof(headroom));
}

static bool produce_message(struct client *self, const uint8_t **ret, size_t *ret_n)
{
	begin_message(self);
	for (size_t i = 0; i < ARRAY_SIZE(outgoing); i++) {
		if (!take_flag(self, outgoing[i].flag))
			continue;
		outgoing[i].put(self);
		if (self->message.failed) {
			drop_for_memory(self);
			return false;
		}
		*ret = (const uint8_t *)self->message.text + sizeof(headroom);
		*ret_n = self->message.length - sizeof(headroom);
		return true;
	}
	return false;
}

static bool produce_frame(struct client *self, const uint8_t **ret, size_t *ret_n)
{
	uint8_t *bytes;

	if (!is_in(self) || !pacer_is_due(&self->pacer))
		return false;
	if (pacer_produce(&self->pacer, &bytes, ret_n) < 0) {
		drop_for_memory(self);
		return false;
	}
	*ret = bytes;
	return true;
}

static bool has_more(const struct client *self)
{
	return self->state == CLIENT_REFUSED || self->must_pong || self->must_status
	       || self->must_screen || self->must_cursor || pacer_is_due(&self->pacer);
}

bool client_produce(struct client *self, const uint8_t **ret, size_t *ret_n)
{
	if (self->closed)
		return false;
	if (!produce_message(self, ret, ret_n) && !produce_frame(self, ret, ret_n)) {
		if (self->state == CLIENT_REFUSED)
			drop(self, CLIENT_CLOSE_REFUSED, "refused");
		return false;
	}
	if (has_more(self))
		connection_want_write(self->connection);
	return true;
}

/* --- from host and desktop --- */

void client_handle_status(struct client *self)
{
	if (is_in(self) && self->host->status)
		want(self, &self->must_status);
}

void client_handle_screen(struct client *self)
{
	if (!is_in(self))
		return;
	if (pacer_handle_resize(&self->pacer) < 0)
		drop_for_memory(self);
	else
		want(self, &self->must_screen);
}

void client_handle_damage(struct client *self)
{
	if (is_in(self) && pacer_is_due(&self->pacer))
		connection_want_write(self->connection);
}

void client_handle_cursor(struct client *self)
{
	if (!is_in(self))
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
	if (set_deadline(self, SIGN_IN_USEC) < 0) {
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
	if (self->state == CLIENT_IN) {
		input_remove_holder(input_of(self), &self->holder);
		pacer_finish(&self->pacer);
		log_info("viewer %u (%s) has left", self->id, self->connection->source);
		host_viewers_changed(self->host);
	}
	strbuf_finish(&self->message);
	explicit_bzero(&self->outcome, sizeof(self->outcome));
	free(self);
}

bool client_is_signed_in(const struct client *self)
{
	return self->state == CLIENT_IN;
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
