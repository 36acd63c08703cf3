/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/stream.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/mem.h"
#include "base/reader.h"
#include "wire/json-memory.h"

/* --- from the client --- */

static const char *const kind_names[] = {
	[CONTROL_KIND_LINK] = "link",
	[CONTROL_KIND_PIN] = "pin",
	[CONTROL_KIND_RESUME] = "resume",
};

static void cleanup_json(json_t **json)
{
	json_decref(*json);
}

/* Exactly one of the three ways in. */
static int parse_secret(const json_t *body, struct stream_sign_in *ret)
{
	unsigned n_found = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kind_names); i++) {
		const json_t *value = json_object_get(body, kind_names[i]);

		if (!value)
			continue;
		if (!json_is_string(value) || json_string_length(value) >= sizeof(ret->secret))
			return -EBADMSG;
		ret->kind = (enum control_kind)i;
		strcpy(ret->secret, json_string_value(value));
		n_found++;
	}
	return n_found == 1 ? 0 : -EBADMSG;
}

static const char *const codec_names[] = {
	[STREAM_JPEG] = "jpeg",
	[STREAM_VP9] = "vp9",
	[STREAM_H264] = "h264",
};

static unsigned codec_bit(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(codec_names); i++) {
		if (codec_names[i] && strcmp(codec_names[i], name) == 0)
			return 1U << i;
	}
	return 0; /* a later page's */
}

/* The message's own limit bounds the list. */
static int parse_decodes(const json_t *body, struct stream_sign_in *ret)
{
	const json_t *list = json_object_get(body, "decodes"), *name;
	size_t i;

	if (list && !json_is_array(list))
		return -EBADMSG;
	json_array_foreach(list, i, name) {
		if (!json_is_string(name))
			return -EBADMSG;
		ret->decodes |= codec_bit(json_string_value(name));
	}
	return 0;
}

/* Missing is false. */
static int parse_twin(const json_t *body, struct stream_sign_in *ret)
{
	const json_t *value = json_object_get(body, "twin");

	if (value && !json_is_boolean(value))
		return -EBADMSG;
	ret->twin = json_is_true(value);
	return 0;
}

static int parse_sign_in(struct reader *reader, struct stream_sign_in *ret)
{
	CLEANUP(json) json_t *body = NULL;
	size_t n = reader_left(reader);
	const json_t *version;
	int r;

	if (n > STREAM_SIGN_IN_MAX)
		return -EBADMSG;
	body = json_memory_load((const char *)reader_bytes(reader, n), n, JSON_REJECT_DUPLICATES, NULL);
	version = json_object_get(body, "version");
	if (!json_is_integer(version) || json_integer_value(version) < 0
		|| json_integer_value(version) > UINT16_MAX)
		return -EBADMSG;
	ret->version = (unsigned)json_integer_value(version);
	if (ret->version != STREAM_VERSION)
		return 0;
	r = parse_decodes(body, ret);
	if (r >= 0)
		r = parse_twin(body, ret);
	return r < 0 ? r : parse_secret(body, ret);
}

static int parse_key(struct reader *reader, struct stream_message *ret)
{
	uint8_t down = reader_u8(reader);

	ret->key.down = down;
	ret->key.code = reader_u16(reader);
	return down <= 1 && ret->key.code >= 1 && ret->key.code <= STREAM_KEY_MAX ? 0 : -EBADMSG;
}

static int parse_button(struct reader *reader, struct stream_message *ret)
{
	uint8_t down = reader_u8(reader);
	uint8_t number = reader_u8(reader);

	ret->button.down = down;
	ret->button.number = number;
	ret->button.x = reader_u16(reader);
	ret->button.y = reader_u16(reader);
	if (down > 1 || number < 1 || number > STREAM_BUTTON_MAX)
		return -EBADMSG;
	return number >= 4 && number <= 7 ? -EBADMSG : 0; /* these are the wheel's */
}

static int parse_join(struct reader *reader, struct stream_message *ret)
{
	const uint8_t *key = reader_bytes(reader, sizeof(ret->join.key));

	if (!key)
		return -EBADMSG;
	memcpy(ret->join.key, key, sizeof(ret->join.key));
	ret->join.n_before = reader_u32(reader);
	return 0;
}

static int parse_body(struct reader *reader, struct stream_message *ret)
{
	switch (ret->type) {
	case STREAM_SIGN_IN:
		return parse_sign_in(reader, &ret->sign_in);
	case STREAM_ACK:
		ret->ack.seq = reader_u32(reader);
		ret->ack.decode = reader_u16(reader);
		ret->ack.paint = reader_u16(reader);
		return 0;
	case STREAM_KEY:
		return parse_key(reader, ret);
	case STREAM_MOTION:
		ret->motion.x = reader_u16(reader);
		ret->motion.y = reader_u16(reader);
		return 0;
	case STREAM_BUTTON:
		return parse_button(reader, ret);
	case STREAM_WHEEL:
		ret->wheel.dx = (int16_t)reader_u16(reader);
		ret->wheel.dy = (int16_t)reader_u16(reader);
		ret->wheel.x = reader_u16(reader);
		ret->wheel.y = reader_u16(reader);
		return 0;
	case STREAM_RELEASE:
		return 0;
	case STREAM_PING:
		ret->cookie = reader_u32(reader);
		return 0;
	case STREAM_JOIN:
		return parse_join(reader, ret);
	}
	return -EBADMSG;
}

int stream_parse(const uint8_t *bytes, size_t n, struct stream_message *ret)
{
	struct stream_message message = { 0 };
	struct reader reader;
	int r;

	reader_init(&reader, bytes, n);
	message.type = (enum stream_request)reader_u8(&reader);
	r = parse_body(&reader, &message);
	if (r < 0)
		return r;
	if (!reader_done(&reader))
		return -EBADMSG;
	*ret = message;
	return 0;
}

/* --- from the server --- */

static uint8_t *put_u16(uint8_t *out, unsigned value)
{
	*out++ = (uint8_t)value;
	*out++ = (uint8_t)(value >> 8);
	return out;
}

static uint8_t *put_u32(uint8_t *out, uint32_t value)
{
	out = put_u16(out, value & 0xffff);
	return put_u16(out, value >> 16);
}

size_t stream_put_screen(uint8_t *out, unsigned width, unsigned height)
{
	*out++ = STREAM_SCREEN;
	out = put_u16(out, width);
	put_u16(out, height);
	return STREAM_SCREEN_SIZE;
}

uint16_t stream_time(uint64_t usec)
{
	uint64_t units = usec / STREAM_TIME_USEC + (usec % STREAM_TIME_USEC != 0);

	return units == 0 ? 1 : units > UINT16_MAX ? UINT16_MAX : (uint16_t)units;
}

static uint8_t *put_times(uint8_t *out, const struct stream_times *times)
{
	out = put_u16(out, times->input);
	out = put_u16(out, times->application);
	out = put_u16(out, times->damage);
	out = put_u16(out, times->capture);
	out = put_u16(out, times->analyse);
	out = put_u16(out, times->encode);
	return put_u16(out, times->queue);
}

/* What FRAME and PICTURE begin with. */
static uint8_t *put_part(uint8_t *out, enum stream_type type, unsigned flags, uint32_t seq,
	const struct stream_times *times)
{
	assert(!times || !(flags & STREAM_MORE));

	*out++ = (uint8_t)type;
	*out++ = (uint8_t)(flags | (times ? STREAM_TIMES : 0));
	out = put_u32(out, seq);
	return times ? put_times(out, times) : out;
}

size_t stream_put_frame_header(
	uint8_t *out, unsigned flags, uint32_t seq, const struct stream_times *times)
{
	return (size_t)(put_part(out, STREAM_FRAME, flags, seq, times) - out);
}

static uint8_t *put_rect(uint8_t *out, const struct stream_rect *rect)
{
	out = put_u16(out, rect->x);
	out = put_u16(out, rect->y);
	out = put_u16(out, rect->width);
	return put_u16(out, rect->height);
}

size_t stream_put_picture_header(uint8_t *out, unsigned flags, uint32_t seq,
	const struct stream_times *times, enum stream_codec codec,
	const struct stream_rect *rect)
{
	uint8_t *at = put_part(out, STREAM_PICTURE, flags, seq, times);

	*at++ = (uint8_t)codec;
	return (size_t)(put_rect(at, rect) - out);
}

size_t stream_put_cursor_header(
	uint8_t *out, unsigned width, unsigned height, unsigned hot_x, unsigned hot_y)
{
	*out++ = STREAM_CURSOR;
	out = put_u16(out, width);
	out = put_u16(out, height);
	out = put_u16(out, hot_x);
	put_u16(out, hot_y);
	return STREAM_CURSOR_HEADER_SIZE;
}

size_t stream_put_pong(uint8_t *out, uint32_t cookie)
{
	*out++ = STREAM_PONG;
	put_u32(out, cookie);
	return STREAM_PONG_SIZE;
}

size_t stream_put_twin(uint8_t *out, const uint8_t key[STREAM_TWIN_KEY_SIZE])
{
	*out++ = STREAM_TWIN;
	memcpy(out, key, STREAM_TWIN_KEY_SIZE);
	return STREAM_TWIN_SIZE;
}

size_t stream_put_echo_header(uint8_t *out, uint32_t seq, unsigned width, unsigned height)
{
	*out++ = STREAM_ECHO;
	out = put_u32(out, seq);
	out = put_u16(out, width);
	put_u16(out, height);
	return STREAM_ECHO_HEADER_SIZE;
}

size_t stream_put_rect_header(
	uint8_t *out, enum stream_kind kind, const struct stream_rect *rect)
{
	assert(rect->width - 1 < STREAM_RECT_PX && rect->height - 1 < STREAM_RECT_PX);

	*out++ = (uint8_t)kind;
	out = put_u16(out, rect->x);
	out = put_u16(out, rect->y);
	*out++ = (uint8_t)(rect->width - 1);
	*out++ = (uint8_t)(rect->height - 1);
	return STREAM_RECT_HEADER_SIZE;
}

size_t stream_put_colour(uint8_t *out, uint32_t pixel)
{
	out[0] = (uint8_t)(pixel >> 16);
	out[1] = (uint8_t)(pixel >> 8);
	out[2] = (uint8_t)pixel;
	return 3;
}

unsigned stream_index_bits(unsigned n)
{
	return n <= 2 ? 1 : n <= 4 ? 2 : n <= 16 ? 4 : 8;
}

size_t stream_put_copy(
	uint8_t *out, const struct stream_rect *to, unsigned from_x, unsigned from_y)
{
	*out++ = STREAM_COPY;
	out = put_rect(out, to);
	out = put_u16(out, from_x);
	put_u16(out, from_y);
	return STREAM_COPY_SIZE;
}

size_t stream_put_slot(
	uint8_t *out, enum stream_kind kind, unsigned column, unsigned row, unsigned slot)
{
	*out++ = (uint8_t)kind;
	out = put_u16(out, column);
	out = put_u16(out, row);
	put_u16(out, slot);
	return STREAM_SLOT_SIZE;
}
