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
#include "host/encode/echo.h"
#include "host/encode/pacer.h"
#include "host/host.h"
#include "host/input/input.h"
#include "host/stages.h"
#include "host/stats.h"
#include "host/twin.h"
#include "wire/json-memory.h"
#include "wire/stream.h"
#include "wire/text.h"

#define SIGN_IN_USEC (10 * USEC_PER_SEC)
#define TRYING_USEC (60 * USEC_PER_SEC) /* PINs are checked one at a time */
#define DEADLINE_ACCURACY_USEC (USEC_PER_SEC / 4)
#define OVERSLEPT_USEC (1 * USEC_PER_SEC) /* a timer is never that late by itself */
#define MESSAGE_KEPT ((size_t)4 << 10)

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

static const char headroom[CONNECTION_HEADROOM];

static bool is_in(const struct client *self)
{
	return self->state == CLIENT_IN && !self->closed;
}

static struct input *input_of(const struct client *self)
{
	return desktop_input(self->host->desktop);
}

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

/* The transport destroys us afterwards; the others need not wait for that. */
static void drop(struct client *self, enum client_close code, const char *why)
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

static int handle_too_late(sd_event_source *source, uint64_t now, void *data)
{
	(void)source;
	(void)now;
	drop(data, CLIENT_CLOSE_TIMEOUT, "too late");
	return 0;
}

static int set_deadline(struct client *self, usec_t delay, sd_event_time_handler_t handler)
{
	self->deadline = sd_event_source_disable_unref(self->deadline);
	return sd_event_add_time_relative(self->host->event, &self->deadline, CLOCK_MONOTONIC,
		delay, DEADLINE_ACCURACY_USEC, handler, self);
}

static void refuse(struct client *self, const char *reason, uint32_t retry_after)
{
	self->state = CLIENT_REFUSED;
	self->outcome = (struct access_outcome){ .reason = reason, .retry_after = retry_after };
	want(self, &self->must_answer);
}

static void handle_due(void *data)
{
	struct client *self = data;

	connection_want_write(self->connection);
}

static void enter(struct client *self)
{
	struct desktop *desktop = self->host->desktop;

	if (pacer_init(&self->pacer, &self->host->groups, self->decodes, handle_due, self) < 0) {
		drop_for_memory(self);
		return;
	}
	input_add_holder(input_of(self), &self->holder);
	stats_viewer_init(&self->stats, &self->host->stats);
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
	if (set_deadline(self, TRYING_USEC, handle_too_late) < 0) {
		drop_for_memory(self);
		return;
	}
	self->state = CLIENT_TRYING;
	self->decodes = sign_in->decodes;
	self->can_join = sign_in->twin;
	self->trying = access_try(self->host->access, sign_in->kind, sign_in->secret,
		self->connection->source, handle_outcome, self);
	if (!self->trying)
		refuse(self, "busy", 1);
}

/* --- messages from the viewer --- */

static void handle_ack(struct client *self, const struct stream_message *message)
{
	uint32_t seq = message->ack.seq;
	uint16_t decode = message->ack.decode, paint = message->ack.paint;

	pacer_note_losses(&self->pacer, connection_count_lost(self->connection));
	if (pacer_ack(&self->pacer, seq, ((usec_t)decode + paint) * STREAM_TIME_USEC) < 0) {
		drop_for_protocol(self);
		return;
	}
	stats_viewer_acked(&self->stats, seq, decode, paint, clock_now());
}

/* What a program makes of it is to be seen within this time; 0: it is nothing of the kind. */
static usec_t answered_within(enum stream_request type)
{
	switch (type) {
	case STREAM_KEY:
	case STREAM_BUTTON:
	case STREAM_WHEEL:
		return STAGES_KEY_USEC;
	case STREAM_MOTION:
		return STAGES_MOTION_USEC;
	default:
		return 0;
	}
}

/* What is typed over a link that loses packets is waited for, and may come by two ways. */
static void await_echo(struct client *self, usec_t now)
{
	if (!connection_loses_packets(self->connection))
		return;
	pacer_await_echo(&self->pacer, now);
	echo_start(&self->echo, now + PACER_ECHO_USEC);
	if (self->can_join && !self->other && twin_wants_key(&self->twin, now)
		&& twin_make_key(&self->twin, now) == 0)
		want(self, &self->must_offer);
}

static void do_input(struct client *self, const struct stream_message *message, usec_t arrived)
{
	struct input *input = input_of(self);
	usec_t within = answered_within(message->type);

	switch (message->type) {
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
	default:
		break;
	}
	if (within)
		desktop_time_input(self->host->desktop, arrived, within);
	if (within == STAGES_KEY_USEC)
		await_echo(self, arrived);
	input_flush(input);
	desktop_want(self->host->desktop);
}

static void handle_signed_in(
	struct client *self, const struct stream_message *message, size_t n, usec_t arrived)
{
	stats_viewer_came(&self->stats, n, answered_within(message->type) > 0);
	if (stream_is_input(message->type)) {
		if (twin_take(&self->twin, TWIN_FIRST))
			do_input(self, message, arrived);
	} else if (message->type == STREAM_ACK) {
		handle_ack(self, message);
	} else if (message->type == STREAM_PING) {
		self->cookie = message->cookie;
		want(self, &self->must_pong);
	} else {
		drop_for_protocol(self);
	}
}

/* --- twins --- */

static struct client *find_first(
	const struct host *host, const uint8_t key[STREAM_TWIN_KEY_SIZE], usec_t now)
{
	struct client *client;

	list_for_each(client, &host->clients, link) {
		if (is_in(client) && !client->other && twin_use_key(&client->twin, key, now))
			return client;
	}
	return NULL;
}

static void handle_join(struct client *self, const struct stream_message *message, usec_t now)
{
	struct client *first = find_first(self->host, message->join.key, now);

	if (!first) {
		drop_for_protocol(self);
		return;
	}
	self->deadline = sd_event_source_disable_unref(self->deadline);
	self->state = CLIENT_TWIN;
	self->other = first;
	first->other = self;
	first->pacer.has_twin = true;
	echo_init(&first->echo, desktop_scene(first->host->desktop));
	twin_begin(&first->twin, message->join.n_before);
	log_debug("viewer %u has a second connection", first->id);
	host_viewers_changed(self->host); /* it is no stranger */
}

static void handle_twin(
	struct client *self, const struct stream_message *message, size_t n, usec_t arrived)
{
	struct client *first = self->other;

	if (!stream_is_input(message->type)) {
		drop_for_protocol(self);
		return;
	}
	stats_viewer_came(&first->stats, n, false);
	if (twin_take(&first->twin, TWIN_SECOND))
		do_input(first, message, arrived);
}

void client_handle_message(struct client *self, const uint8_t *bytes, size_t n)
{
	usec_t arrived = clock_now();
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
		handle_signed_in(self, &message, n, arrived);
	else if (self->state == CLIENT_TWIN)
		handle_twin(self, &message, n, arrived);
	else if (self->state == CLIENT_WAITING && message.type == STREAM_SIGN_IN)
		handle_sign_in(self, &message.sign_in);
	else if (self->state == CLIENT_WAITING && message.type == STREAM_JOIN)
		handle_join(self, &message, arrived);
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

static void put_offer(struct client *self)
{
	uint8_t bytes[STREAM_TWIN_SIZE];

	put(self, bytes, stream_put_twin(bytes, self->twin.key));
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
	{ offsetof(struct client, must_offer), put_offer },
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

/*
 * A viewer that stands still costs little, but not for ever. The time limit is not moved with each
 * ACK: when it is reached, it is seen whether a frame has waited that long.
 */
static int handle_ack_limit(sd_event_source *source, uint64_t now, void *data)
{
	struct client *self = data;
	usec_t since = self->pacer.waits_since, limit = self->host->ack_limit_usec;
	bool overslept = clock_now() > now + OVERSLEPT_USEC;

	(void)source;
	self->deadline = sd_event_source_disable_unref(self->deadline);
	if (!since)
		return 0;
	/* We were stopped ourselves: what it has sent meanwhile is still to be read (SUP-07). */
	if (overslept) {
		if (set_deadline(self, OVERSLEPT_USEC, handle_ack_limit) < 0)
			drop_for_memory(self);
	} else if (now >= since + limit) {
		log_info("viewer %u (%s) has not painted a frame for %u s: closing", self->id,
			self->connection->source, (unsigned)(limit / USEC_PER_SEC));
		drop(self, CLIENT_CLOSE_TIMEOUT, "no ACK");
	} else if (set_deadline(self, since + limit - now, handle_ack_limit) < 0) {
		drop_for_memory(self);
	}
	return 0;
}

/* Stage times go with the last message of a frame. */
static void finish_frame(struct client *self, struct stream_times *ret)
{
	usec_t now = clock_now();

	stages_frame_end(
		&self->frame, member_is_up_to_date(&self->pacer.member), now, ret);
	stats_viewer_sent(&self->stats, self->pacer.seq, ret, now);
}

/* In the headroom of @piece. */
static void put_header(const struct client *self, const struct member_piece *piece,
	const struct stream_times *times, const uint8_t **ret, size_t *ret_n)
{
	const struct stream_rect at = {
		.x = (unsigned)piece->at.left,
		.y = (unsigned)piece->at.top,
		.width = (unsigned)rect_width(&piece->at),
		.height = (unsigned)rect_height(&piece->at),
	};
	unsigned flags = piece->more ? STREAM_MORE : 0;
	uint8_t header[STREAM_PICTURE_HEADER_MAX];
	size_t n;

	if (!piece->codec)
		n = stream_put_frame_header(header, flags, self->pacer.seq, times);
	else
		n = stream_put_picture_header(header,
			flags | (piece->key ? STREAM_KEY_PICTURE : 0)
				| (piece->half ? STREAM_HALF_PICTURE : 0),
			self->pacer.seq, times, piece->codec, &at);
	memcpy(piece->bytes - n, header, n);
	*ret = piece->bytes - n;
	*ret_n = piece->n + n;
}

/*
 * The frame that follows has the same pixels at the latest, or the one that is open: the viewer
 * looks at no echo that comes after it.
 */
static bool produce_echo(struct client *self, const uint8_t **ret, size_t *ret_n)
{
	struct client *first = self->other;
	struct pacer *pacer = first ? &first->pacer : NULL;
	uint8_t header[STREAM_ECHO_HEADER_SIZE], *body;
	size_t n;

	if (!first)
		return false;
	n = echo_make(&first->echo, &pacer->member, pacer_rate(pacer), clock_now(), &body);
	if (!n)
		return false;
	begin_message(self);
	put(self, header,
		stream_put_echo_header(header, pacer->member.open ? pacer->seq : pacer->seq + 1,
			first->echo.scene->width, first->echo.scene->height));
	put(self, body, n);
	if (self->message.failed)
		return false;
	*ret = (const uint8_t *)self->message.text + sizeof(headroom);
	*ret_n = self->message.length - sizeof(headroom);
	stats_viewer_went(&first->stats, *ret_n);
	return true;
}

static bool produce_frame(struct client *self, const uint8_t **ret, size_t *ret_n)
{
	usec_t begun = clock_now();
	struct stream_times times, *with = NULL;
	struct member_piece piece;
	int r;

	if (!is_in(self) || !pacer_is_due(&self->pacer))
		return false;
	r = pacer_produce(&self->pacer, &piece);
	if (r == -EAGAIN) {
		stages_frame_encoded(&self->frame, begun, clock_now());
		if (pacer_is_due(&self->pacer))
			connection_want_write(self->connection);
		return false;
	}
	if (r < 0
		|| (!self->deadline
			&& set_deadline(self, self->host->ack_limit_usec, handle_ack_limit) < 0)) {
		drop_for_memory(self);
		return false;
	}
	stages_frame_encoded(&self->frame, begun - piece.cost, clock_now());
	if (!piece.more) {
		finish_frame(self, &times);
		with = &times;
	}
	put_header(self, &piece, with, ret, ret_n);
	stats_viewer_worked(&self->stats, piece.work);
	return true;
}

static bool has_more(const struct client *self)
{
	return self->state == CLIENT_REFUSED || self->must_pong || self->must_offer
	       || self->must_status || self->must_screen || self->must_cursor
	       || pacer_is_due(&self->pacer);
}

bool client_produce(struct client *self, const uint8_t **ret, size_t *ret_n)
{
	if (self->closed)
		return false;
	if (self->state == CLIENT_TWIN)
		return produce_echo(self, ret, ret_n);
	if (!produce_message(self, ret, ret_n) && !produce_frame(self, ret, ret_n)) {
		if (self->state == CLIENT_REFUSED)
			drop(self, CLIENT_CLOSE_REFUSED, "refused");
		return false;
	}
	if (is_in(self))
		stats_viewer_went(&self->stats, *ret_n);
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
	if (!is_in(self))
		return;
	stages_frame_add(&self->frame, &desktop_stages(self->host->desktop)->ready);
	pacer_handle_damage(&self->pacer);
	if (self->other && echo_handle_damage(&self->echo, clock_now()))
		connection_want_write(self->other->connection);
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
	if (set_deadline(self, SIGN_IN_USEC, handle_too_late) < 0) {
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
		input_remove_holder(input_of(self), &self->holder);
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
