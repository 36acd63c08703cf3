/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/client-inside.h"

#include <errno.h>

#include "base/log.h"
#include "base/mem.h"
#include "host/cursor/cursor.h"
#include "wire/json-memory.h"
#include "wire/stream.h"
#include "wire/text.h"

#define OVERSLEPT_USEC (1 * USEC_PER_SEC) /* a timer is never that late by itself */
#define MESSAGE_KEPT ((size_t)4 << 10)

static const char headroom[CONNECTION_HEADROOM];

/* --- messages --- */

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
			client_drop_for_memory(self);
			return false;
		}
		*ret = (const uint8_t *)self->message.text + sizeof(headroom);
		*ret_n = self->message.length - sizeof(headroom);
		return true;
	}
	return false;
}

/* --- frames --- */

/*
 * A viewer that stands still costs little, but not for ever. While frames follow each other the
 * time limit is not moved with each ACK: when it is reached, it is seen whether one has waited
 * that long. At rest there is none, or it would wake us up.
 */
static int handle_ack_limit(sd_event_source *source, uint64_t now, void *data)
{
	struct client *self = data;
	usec_t since = self->pacer.waits_since, limit = self->host->ack_limit_usec;
	bool overslept = clock_now() > now + OVERSLEPT_USEC;

	(void)source;
	self->deadline = sd_event_source_disable_unref(self->deadline);
	/* We were stopped ourselves: what it has sent meanwhile is still to be read (SUP-07). */
	if (overslept) {
		if (client_set_deadline(self, OVERSLEPT_USEC, handle_ack_limit) < 0)
			client_drop_for_memory(self);
	} else if (now >= since + limit) {
		log_info("viewer %u (%s) has not painted a frame for %u s: closing", self->id,
			self->connection->source, (unsigned)(limit / USEC_PER_SEC));
		client_drop(self, CLIENT_CLOSE_TIMEOUT, "no ACK");
	} else if (client_set_deadline(self, since + limit - now, handle_ack_limit) < 0) {
		client_drop_for_memory(self);
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

	if (!client_is_in(self) || !pacer_is_due(&self->pacer))
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
			&& client_set_deadline(self, self->host->ack_limit_usec, handle_ack_limit)
				   < 0)) {
		client_drop_for_memory(self);
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
			client_drop(self, CLIENT_CLOSE_REFUSED, "refused");
		return false;
	}
	if (client_is_in(self))
		stats_viewer_went(&self->stats, *ret_n);
	if (has_more(self))
		connection_want_write(self->connection);
	return true;
}
