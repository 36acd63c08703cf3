/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/client-inside.h"

#include <errno.h>

#include "base/log.h"
#include "host/cursor/cursor.h"
#include "wire/stream.h"

#define TRYING_USEC (60 * USEC_PER_SEC) /* PINs are checked one at a time */

/* --- signing in --- */

static void refuse(struct client *self, const char *reason, uint32_t retry_after)
{
	self->state = CLIENT_REFUSED;
	self->outcome = (struct access_outcome){ .reason = reason, .retry_after = retry_after };
	client_want(self, &self->must_answer);
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
		client_drop_for_memory(self);
		return;
	}
	input_add_holder(client_input(self), &self->holder);
	stats_viewer_init(&self->stats, &self->host->stats);
	self->deadline = sd_event_source_disable_unref(self->deadline);
	self->state = CLIENT_IN;
	self->since = clock_wall();
	self->must_status = self->host->status;
	self->must_screen = true;
	self->must_cursor = desktop_cursor(desktop)->message;
	client_want(self, &self->must_answer);
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
	if (client_limit_sign_in(self, TRYING_USEC) < 0) {
		client_drop_for_memory(self);
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
		client_drop_for_protocol(self);
		return;
	}
	if (!self->pacer.waits_since)
		self->deadline = sd_event_source_disable_unref(self->deadline);
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
		client_want(self, &self->must_offer);
}

static void do_input(struct client *self, const struct stream_message *message, usec_t arrived)
{
	struct input *input = client_input(self);
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
		client_want(self, &self->must_pong);
	} else {
		client_drop_for_protocol(self);
	}
}

/* --- twins --- */

static struct client *find_first(
	const struct host *host, const uint8_t key[STREAM_TWIN_KEY_SIZE], usec_t now)
{
	struct client *client;

	list_for_each(client, &host->clients, link) {
		if (client_is_in(client) && !client->other
			&& twin_use_key(&client->twin, key, now))
			return client;
	}
	return NULL;
}

static void handle_join(struct client *self, const struct stream_message *message, usec_t now)
{
	struct client *first = find_first(self->host, message->join.key, now);

	if (!first) {
		client_drop_for_protocol(self);
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
		client_drop_for_protocol(self);
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
		client_drop_for_memory(self);
	else if (r < 0)
		client_drop_for_protocol(self);
	else if (self->state == CLIENT_IN)
		handle_signed_in(self, &message, n, arrived);
	else if (self->state == CLIENT_TWIN)
		handle_twin(self, &message, n, arrived);
	else if (self->state == CLIENT_WAITING && message.type == STREAM_SIGN_IN)
		handle_sign_in(self, &message.sign_in);
	else if (self->state == CLIENT_WAITING && message.type == STREAM_JOIN)
		handle_join(self, &message, arrived);
	else
		client_drop_for_protocol(self);
	if (r == 0 && message.type == STREAM_SIGN_IN)
		explicit_bzero(&message, sizeof(message));
}
