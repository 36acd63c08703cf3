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

static int parse_sign_in(struct reader *reader, struct stream_sign_in *ret)
{
	CLEANUP(json) json_t *body = NULL;
	size_t n = reader_left(reader);
	const json_t *version;

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
	return parse_secret(body, ret);
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

static int parse_body(struct reader *reader, struct stream_message *ret)
{
	switch (ret->type) {
	case STREAM_SIGN_IN:
		return parse_sign_in(reader, &ret->sign_in);
	case STREAM_ACK:
		ret->seq = reader_u32(reader);
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

size_t stream_put_frame_header(uint8_t *out, uint8_t flags, uint32_t seq)
{
	*out++ = STREAM_FRAME;
	*out++ = flags;
	put_u32(out, seq);
	return STREAM_FRAME_HEADER_SIZE;
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
	return n <= 2 ? 1 : n <= 4 ? 2 : 4;
}

/* --- the page's side --- */

/* The pixels of one rectangle on the picture. */
struct target {
	uint32_t *at;
	size_t stride;
	unsigned width;
	unsigned height;
};

static uint32_t read_colour(struct reader *reader)
{
	const uint8_t *b = reader_bytes(reader, 3);

	return b ? (uint32_t)b[0] << 16 | (uint32_t)b[1] << 8 | b[2] : 0;
}

static void decode_solid(struct reader *reader, const struct target *target)
{
	uint32_t colour = read_colour(reader);

	for (unsigned y = 0; y < target->height && !reader->failed; y++) {
		for (unsigned x = 0; x < target->width; x++)
			target->at[y * target->stride + x] = colour;
	}
}

static void decode_raw(struct reader *reader, const struct target *target)
{
	for (unsigned y = 0; y < target->height; y++) {
		for (unsigned x = 0; x < target->width && !reader->failed; x++)
			target->at[y * target->stride + x] = read_colour(reader);
	}
}

static int decode_palette(struct reader *reader, const struct target *target)
{
	uint32_t colours[STREAM_COLOURS_MAX];
	unsigned n = reader_u8(reader);
	unsigned bits, per_byte;

	if (n < 2 || n > STREAM_COLOURS_MAX)
		return -EBADMSG;
	for (unsigned i = 0; i < n; i++)
		colours[i] = read_colour(reader);
	bits = stream_index_bits(n);
	per_byte = 8 / bits;
	for (unsigned y = 0; y < target->height; y++) {
		const uint8_t *row =
			reader_bytes(reader, (target->width + per_byte - 1) / per_byte);

		for (unsigned x = 0; x < target->width && row; x++) {
			unsigned shift = 8 - bits - x % per_byte * bits;
			unsigned index = row[x / per_byte] >> shift & ((1U << bits) - 1);

			if (index >= n)
				return -EBADMSG;
			target->at[y * target->stride + x] = colours[index];
		}
	}
	return 0;
}

static int decode_rect(
	struct reader *reader, uint32_t *picture, unsigned width, unsigned height)
{
	unsigned kind = reader_u8(reader);
	unsigned x = reader_u16(reader);
	unsigned y = reader_u16(reader);
	struct target target = {
		.stride = width,
		.width = reader_u8(reader) + 1U,
		.height = reader_u8(reader) + 1U,
	};

	if (reader->failed || target.width > STREAM_RECT_PX || target.height > STREAM_RECT_PX
		|| x + target.width > width || y + target.height > height)
		return -EBADMSG;
	target.at = picture + (size_t)y * width + x;
	switch (kind) {
	case STREAM_SOLID:
		decode_solid(reader, &target);
		return 0;
	case STREAM_PALETTE:
		return decode_palette(reader, &target);
	case STREAM_RAW:
		decode_raw(reader, &target);
		return 0;
	default:
		return -EBADMSG;
	}
}

int stream_decode_rects(const uint8_t *bytes, size_t n, uint32_t *picture, unsigned width,
	unsigned height)
{
	struct reader reader;

	reader_init(&reader, bytes, n);
	while (reader_left(&reader) > 0) {
		int r = decode_rect(&reader, picture, width, height);

		if (r < 0)
			return r;
	}
	return reader.failed ? -EBADMSG : 0;
}
