/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The browser stream, version 2: the bytes of docs/protocol.md, and nothing
 * about who sends them when. web/src/net/wire.ts is its twin.
 *
 * Pixels in memory are 0x00RRGGBB in an uint32_t, as an X server of depth 24
 * has them; the top byte is never looked at.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/control.h"

#define STREAM_VERSION 2

/* From the client. */
enum stream_request {
	STREAM_SIGN_IN = 0x01,
	STREAM_ACK = 0x02,
	STREAM_KEY = 0x03,
	STREAM_MOTION = 0x04,
	STREAM_BUTTON = 0x05,
	STREAM_WHEEL = 0x06,
	STREAM_RELEASE = 0x07,
	STREAM_PING = 0x08,
	STREAM_JOIN = 0x09,
};

/* From the server. */
enum stream_type {
	STREAM_WELCOME = 0x81,
	STREAM_REFUSED = 0x82,
	STREAM_STATUS = 0x83,
	STREAM_SCREEN = 0x84,
	STREAM_FRAME = 0x85,
	STREAM_CURSOR = 0x86,
	STREAM_PONG = 0x87,
	STREAM_PICTURE = 0x88,
	STREAM_TWIN = 0x89,
	STREAM_ECHO = 0x8a,
};

/* How a PICTURE is coded. */
enum stream_codec {
	STREAM_JPEG = 1,
	STREAM_VP9 = 2,
	STREAM_H264 = 3,
};

#define STREAM_SIGN_IN_MAX 1024 /* bytes of JSON */
#define STREAM_KEY_MAX 247
#define STREAM_BUTTON_MAX 9
#define STREAM_TWIN_KEY_SIZE 16

struct stream_sign_in {
	unsigned version; /* of another one than STREAM_VERSION nothing else is known */
	enum control_kind kind;
	char secret[STREAM_SIGN_IN_MAX + 1];
	unsigned decodes; /* 1 << enum stream_codec, each that we know */
	bool twin;	  /* it can open a second connection */
};

struct stream_message {
	enum stream_request type;
	union {
		struct stream_sign_in sign_in;
		struct {
			uint32_t seq;
			uint16_t decode, paint; /* 10 us */
		} ack;
		uint32_t cookie; /* PING */
		struct {
			uint8_t key[STREAM_TWIN_KEY_SIZE];
			uint32_t n_before; /* inputs that went before it, by the first connection */
		} join;
		struct {
			bool down;
			uint16_t code; /* evdev's */
		} key;
		struct {
			uint16_t x, y;
		} motion;
		struct {
			bool down;
			uint8_t number; /* X11's */
			uint16_t x, y;
		} button;
		struct {
			int16_t dx, dy; /* 1/120 notch */
			uint16_t x, y;
		} wheel;
	};
};

/* What a user does: KEY to RELEASE. */
static inline bool stream_is_input(enum stream_request type)
{
	return type >= STREAM_KEY && type <= STREAM_RELEASE;
}

/* A whole message from a client: 0, -EBADMSG (not one of version 2), -ENOMEM. */
int stream_parse(const uint8_t *bytes, size_t n, struct stream_message *ret);

/* Writing. Each returns the bytes written to @out, which has room for them. */

#define STREAM_SCREEN_SIZE 5
size_t stream_put_screen(uint8_t *out, unsigned width, unsigned height);

/* Where a frame's time went, in 10 us; 0: not known. The page adds its own stages. */
struct stream_times {
	uint16_t input;
	uint16_t application;
	uint16_t damage;
	uint16_t capture;
	uint16_t analyse;
	uint16_t encode;
	uint16_t queue;
};

#define STREAM_TIME_USEC 10
#define STREAM_TIMES_SIZE 14

/* A duration as one of them: rounded up, so that what is known is never 0. */
uint16_t stream_time(uint64_t usec);

#define STREAM_MORE 0x01 /* flags of FRAME and PICTURE */
#define STREAM_TIMES 0x02
#define STREAM_KEY_PICTURE 0x04
#define STREAM_HALF_PICTURE 0x08
#define STREAM_DEFLATE(number) ((unsigned)(number) << 2) /* 0…3; of FRAME only */

#define STREAM_FRAME_HEADER_SIZE 6
#define STREAM_FRAME_HEADER_MAX (STREAM_FRAME_HEADER_SIZE + STREAM_TIMES_SIZE)

/* @times: NULL for none; sets STREAM_TIMES. Only of a last message. */
size_t stream_put_frame_header(
	uint8_t *out, unsigned flags, uint32_t seq, const struct stream_times *times);

static inline size_t stream_frame_header_size(const struct stream_times *times)
{
	return STREAM_FRAME_HEADER_SIZE + (times ? STREAM_TIMES_SIZE : 0);
}

#define STREAM_CURSOR_HEADER_SIZE 9
size_t stream_put_cursor_header(
	uint8_t *out, unsigned width, unsigned height, unsigned hot_x, unsigned hot_y);

#define STREAM_PONG_SIZE 5
size_t stream_put_pong(uint8_t *out, uint32_t cookie);

#define STREAM_TWIN_SIZE (1 + STREAM_TWIN_KEY_SIZE)
size_t stream_put_twin(uint8_t *out, const uint8_t key[STREAM_TWIN_KEY_SIZE]);

/* Of a screen of this size. */
#define STREAM_ECHO_HEADER_SIZE 9
size_t stream_put_echo_header(uint8_t *out, uint32_t seq, unsigned width, unsigned height);

/* What FRAME bodies inflate to: operations on the picture. */
enum stream_kind {
	STREAM_SOLID,
	STREAM_PALETTE,
	STREAM_RAW,
	STREAM_DELTA,
	STREAM_COPY,
	STREAM_STORE,
	STREAM_CACHED,
};

#define STREAM_RECT_PX 64      /* at most, each way; and a tile's size */
#define STREAM_COLOURS_MAX 256 /* of a PALETTE */
#define STREAM_SLOTS 2048
#define STREAM_RECT_HEADER_SIZE 7

/* A RAW or DELTA of full size; a PALETTE is never larger. */
#define STREAM_RECT_MAX (STREAM_RECT_HEADER_SIZE + STREAM_RECT_PX * STREAM_RECT_PX * 3)

/* 1…64 each way but for COPY and PICTURE; wholly on a screen of at most 65535. */
struct stream_rect {
	unsigned x;
	unsigned y;
	unsigned width;
	unsigned height;
};

/* Of SOLID, PALETTE, RAW and DELTA. */
size_t stream_put_rect_header(
	uint8_t *out, enum stream_kind kind, const struct stream_rect *rect);
size_t stream_put_colour(uint8_t *out, uint32_t pixel);

/* Bits of one index into a palette of @n colours. */
unsigned stream_index_bits(unsigned n);

#define STREAM_COPY_SIZE 13
size_t stream_put_copy(
	uint8_t *out, const struct stream_rect *to, unsigned from_x, unsigned from_y);

/* STORE and CACHED. */
#define STREAM_SLOT_SIZE 7
size_t stream_put_slot(
	uint8_t *out, enum stream_kind kind, unsigned column, unsigned row, unsigned slot);

/* @flags: STREAM_MORE, STREAM_KEY_PICTURE, STREAM_HALF_PICTURE; the rest as for a frame. */
#define STREAM_PICTURE_HEADER_MAX (STREAM_FRAME_HEADER_MAX + 9)
size_t stream_put_picture_header(uint8_t *out, unsigned flags, uint32_t seq,
	const struct stream_times *times, enum stream_codec codec,
	const struct stream_rect *rect);
