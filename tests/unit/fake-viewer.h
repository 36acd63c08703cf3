/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * A host with a fake access control, whose answer the test gives, and viewers
 * with a fake connection, who decode what they are sent. For one test program.
 */

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "host/access/access.h"
#include "host/client.h"
#include "host/connection.h"
#include "host/desktop.h"
#include "host/host.h"
#include "host/scene/scene.h"
#include "unit/inflater.h"
#include "unit/test.h"
#include "wire/picture.h"
#include "wire/stream.h"

#define COLOUR 0x00ffffffU

struct access_try {
	access_done_fn done;
	void *data;
	char secret[64];
	enum control_kind kind;
	bool live;
};

static struct access_try the_try;
static bool access_is_full;
static unsigned n_viewers_changed;
static unsigned n_display_answers; /* news of it, and the last */
static bool display_answers;

struct access_try *access_try(struct access *self, enum control_kind kind, const char *secret,
	const char *source, access_done_fn done, void *data)
{
	(void)self;
	assert_string_equal(source, "127.0.0.1");
	if (access_is_full)
		return NULL;
	the_try = (struct access_try){ .done = done, .data = data, .kind = kind, .live = true };
	snprintf(the_try.secret, sizeof(the_try.secret), "%s", secret);
	return &the_try;
}

void access_try_cancel(struct access_try *self)
{
	if (self)
		self->live = false;
}

void host_display_answers(struct host *self, const char *display, bool answers)
{
	(void)self;
	(void)display;
	display_answers = answers;
	n_display_answers++;
}

void host_viewers_changed(struct host *self)
{
	(void)self;
	n_viewers_changed++;
}

struct viewer {
	struct connection base;
	struct client *client;
	bool wanted;
	bool loses_packets;
	unsigned n_lost;
	unsigned closed; /* the code */
	const uint8_t *bytes; /* the last message */
	size_t n;
	struct inflater inflaters[4]; /* one for each deflate stream */
	struct picture picture;
	bool is_blind; /* it inflates, but has no picture, which might be too large */
	uint32_t seq;
	bool more;
	size_t n_body; /* bytes of the last FRAME's body */
	struct stream_times times; /* of the last message that had them */
};

static inline void handle_want_write(struct connection *self)
{
	((struct viewer *)self)->wanted = true;
}

static inline void handle_close(struct connection *self, unsigned code, const char *why)
{
	struct viewer *viewer = (struct viewer *)self;

	(void)why;
	assert_int_equal(viewer->closed, 0);
	viewer->closed = code;
}

static inline unsigned count_lost(const struct connection *self)
{
	return ((const struct viewer *)self)->n_lost;
}

static inline bool loses_packets(const struct connection *self)
{
	return ((const struct viewer *)self)->loses_packets;
}

static const struct connection_impl connection_impl = {
	.want_write = handle_want_write,
	.close = handle_close,
	.loses_packets = loses_packets,
	.count_lost = count_lost,
};

static struct host host;

static inline struct viewer *viewer_create(void)
{
	struct viewer *self = xnew(struct viewer);

	self->base.impl = &connection_impl;
	strcpy(self->base.source, "127.0.0.1");
	for (size_t i = 0; i < ARRAY_SIZE(self->inflaters); i++)
		inflater_init(&self->inflaters[i]);
	self->client = client_create(&host, &self->base);
	assert_non_null(self->client);
	return self;
}

static inline void viewer_destroy(struct viewer *self)
{
	client_destroy(self->client);
	for (size_t i = 0; i < ARRAY_SIZE(self->inflaters); i++)
		inflater_finish(&self->inflaters[i]);
	picture_finish(&self->picture);
	free(self);
}

static inline void say(struct viewer *self, const void *bytes, size_t n)
{
	client_handle_message(self->client, bytes, n);
}

#define SAY(viewer, text) say(viewer, text, sizeof(text) - 1)

static inline bool produce(struct viewer *self)
{
	bool wanted = self->wanted;

	self->wanted = false;
	if (!client_produce(self->client, &self->bytes, &self->n))
		return false;
	assert_true(wanted);
	return true;
}

/*
 * Takes what the client has to send now, and waits for what is being compressed. 0: nothing,
 * which it must not have asked for.
 */
static inline unsigned hear(struct viewer *self)
{
	while (!produce(self)) {
		if (!self->wanted && !worker_is_busy(host.groups.worker))
			return 0;
		if (!self->wanted)
			assert_true(sd_event_run(host.event, 10 * USEC_PER_SEC) > 0);
	}
	memset((uint8_t *)self->bytes - CONNECTION_HEADROOM, 0xee, CONNECTION_HEADROOM);
	return self->bytes[0];
}

static inline void paint(struct viewer *self)
{
	unsigned flags = self->bytes[1];
	struct inflater *inflater = &self->inflaters[flags >> 2];
	size_t header = flags & STREAM_TIMES ? STREAM_FRAME_HEADER_MAX : 6;
	uint32_t seq;

	assert_true(flags < 16);
	memcpy(&seq, self->bytes + 2, sizeof(seq));
	assert_int_equal(seq, self->more ? self->seq : self->seq + 1);
	if (!self->more)
		self->picture.filled = 0;
	self->seq = seq;
	self->more = flags & STREAM_MORE;
	assert_false(self->more && flags & STREAM_TIMES);
	if (flags & STREAM_TIMES)
		memcpy(&self->times, self->bytes + 6, sizeof(self->times));
	self->n_body = self->n - header;
	inflater_take(inflater, self->bytes + header, self->n_body);
	if (self->is_blind)
		return;
	assert_int_equal(picture_apply(&self->picture, inflater->bytes, inflater->n), 0);
	assert_true(self->picture.filled
		    <= UINT64_C(4) * self->picture.width * self->picture.height);
}

static inline void take_screen(struct viewer *self)
{
	assert_int_equal(self->n, 5);
	if (self->is_blind)
		return;
	assert_int_equal(picture_resize(&self->picture,
				 self->bytes[1] | (unsigned)self->bytes[2] << 8,
				 self->bytes[3] | (unsigned)self->bytes[4] << 8),
		0);
}

static inline void ack(struct viewer *self, uint32_t seq)
{
	uint8_t bytes[9] = { STREAM_ACK };

	memcpy(bytes + 1, &seq, sizeof(seq));
	say(self, bytes, sizeof(bytes));
}

/* @more: of SIGN_IN, after a comma. */
static inline void sign_in_with(struct viewer *self, const char *more)
{
	char message[256];
	struct access_outcome yes = {
		.ok = true, .resume = "0123456789abcdefghijkl", .resume_seconds = 43200
	};

	snprintf(message, sizeof(message), "\x01{\"version\":2,\"pin\":\"12345678\"%s}", more);
	say(self, message, strlen(message));
	assert_true(the_try.live);
	assert_string_equal(the_try.secret, "12345678");
	the_try.done(the_try.data, &yes);
	assert_int_equal(self->closed, 0);
}

static inline void sign_in(struct viewer *self)
{
	sign_in_with(self, "");
}

/* Reads all that is due; returns how many frames came. */
static inline unsigned hear_all(struct viewer *self)
{
	unsigned type, n_frames = 0;

	while ((type = hear(self))) {
		if (type == STREAM_SCREEN)
			take_screen(self);
		if (type == STREAM_FRAME) {
			paint(self);
			n_frames += !self->more;
		}
	}
	return n_frames;
}

/* Until nothing more is due. */
static inline void hear_and_ack(struct viewer *self)
{
	while (hear_all(self) > 0)
		ack(self, self->seq);
}

static inline void assert_sees_the_screen(const struct viewer *self)
{
	const struct scene *scene = desktop_scene(host.desktop);

	assert_int_equal(self->picture.width, scene->width);
	assert_int_equal(self->picture.height, scene->height);
	for (size_t i = 0; i < (size_t)scene->width * scene->height; i++)
		assert_int_equal(self->picture.pixels[i], scene->pixels[i] & COLOUR);
}

static inline void host_setup(void)
{
	memset(&host, 0, sizeof(host));
	memset(&the_try, 0, sizeof(the_try));
	access_is_full = false;
	n_viewers_changed = 0;
	assert_int_equal(sd_event_new(&host.event), 0);
	list_init(&host.clients);
	host.next_client_id = 1;
	host.host_name = (char *)"box";
	host.status = (char *)"{\"state\":\"ready\"}";
	host.desktop = desktop_create(&host);
	assert_non_null(host.desktop);
	groups_init(&host.groups, host.event, desktop_scene(host.desktop),
		desktop_video(host.desktop), &encode_tiles);
	host.ack_limit_usec = HOST_ACK_LIMIT_USEC;
}

static inline void host_teardown(void)
{
	groups_finish(&host.groups);
	desktop_destroy(host.desktop);
	sd_event_unref(host.event);
}
