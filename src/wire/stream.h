/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The browser stream, version 1: the bytes of docs/protocol.md, and nothing
 * about who sends them when. web/src/net/wire.ts is its twin.
 *
 * Pixels in memory are 0x00RRGGBB in an uint32_t, as an X server of depth 24
 * has them; the top byte is never looked at.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/control.h"

#define STREAM_VERSION 1

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
};

#define STREAM_SIGN_IN_MAX 1024 /* bytes of JSON */
#define STREAM_KEY_MAX 247
#define STREAM_BUTTON_MAX 9

struct stream_sign_in {
	unsigned version; /* of another one than STREAM_VERSION nothing else is known */
	enum control_kind kind;
	char secret[STREAM_SIGN_IN_MAX + 1];
};

struct stream_message {
	enum stream_request type;
	union {
		struct stream_sign_in sign_in;
		uint32_t seq;	 /* ACK */
		uint32_t cookie; /* PING */
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

/* A whole message from a client: 0, -EBADMSG (not one of version 1), -ENOMEM. */
int stream_parse(const uint8_t *bytes, size_t n, struct stream_message *ret);

/* Writing. Each returns the bytes written to @out, which has room for them. */

#define STREAM_SCREEN_SIZE 5
size_t stream_put_screen(uint8_t *out, unsigned width, unsigned height);

#define STREAM_FRAME_HEADER_SIZE 6
#define STREAM_FRAME_MORE 0x01
size_t stream_put_frame_header(uint8_t *out, uint8_t flags, uint32_t seq);

#define STREAM_CURSOR_HEADER_SIZE 9
size_t stream_put_cursor_header(
	uint8_t *out, unsigned width, unsigned height, unsigned hot_x, unsigned hot_y);

#define STREAM_PONG_SIZE 5
size_t stream_put_pong(uint8_t *out, uint32_t cookie);

/* What FRAME bodies inflate to: rectangles. */
enum stream_kind {
	STREAM_SOLID,
	STREAM_PALETTE,
	STREAM_RAW,
};

#define STREAM_RECT_PX 64     /* at most, each way */
#define STREAM_COLOURS_MAX 16 /* of a PALETTE */
#define STREAM_RECT_HEADER_SIZE 7
#define STREAM_RECT_MAX (STREAM_RECT_HEADER_SIZE + STREAM_RECT_PX * STREAM_RECT_PX * 3)

/* 1…64 each way, wholly on a screen of at most 65535. */
struct stream_rect {
	unsigned x;
	unsigned y;
	unsigned width;
	unsigned height;
};

size_t stream_put_rect_header(
	uint8_t *out, enum stream_kind kind, const struct stream_rect *rect);
size_t stream_put_colour(uint8_t *out, uint32_t pixel);

/* Bits of one index into a palette of @n colours. */
unsigned stream_index_bits(unsigned n);

/**
 * stream_decode_rects() - paint inflated rectangles, as the page does; for tests
 * @picture:  @width x @height pixels, without gaps
 *
 * Returns 0, or -EBADMSG where the list is malformed or leaves the screen: what stood before
 * that is painted.
 */
int stream_decode_rects(const uint8_t *bytes, size_t n, uint32_t *picture, unsigned width,
	unsigned height);
