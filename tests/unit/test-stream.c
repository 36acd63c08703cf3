/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/stream.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "unit/test.h"

#define PARSE(text, ret) stream_parse((const uint8_t *)(text), sizeof(text) - 1, ret)

static void test_messages_of_a_viewer_are_read(void **state)
{
	struct stream_message m;

	(void)state;
	assert_int_equal(PARSE("\x02\x01\x02\x03\x04", &m), 0);
	assert_int_equal(m.type, STREAM_ACK);
	assert_int_equal(m.seq, 0x04030201);
	assert_int_equal(PARSE("\x03\x01\xf7\x00", &m), 0);
	assert_int_equal(m.type, STREAM_KEY);
	assert_true(m.key.down);
	assert_int_equal(m.key.code, 247);
	assert_int_equal(PARSE("\x04\x34\x12\xff\xff", &m), 0);
	assert_int_equal(m.motion.x, 0x1234);
	assert_int_equal(m.motion.y, 65535);
	assert_int_equal(PARSE("\x05\x00\x09\x01\x00\x02\x00", &m), 0);
	assert_false(m.button.down);
	assert_int_equal(m.button.number, 9);
	assert_int_equal(m.button.y, 2);
	assert_int_equal(PARSE("\x06\x88\xff\x78\x00\x01\x00\x02\x00", &m), 0);
	assert_int_equal(m.wheel.dx, -120);
	assert_int_equal(m.wheel.dy, 120);
	assert_int_equal(PARSE("\x07", &m), 0);
	assert_int_equal(m.type, STREAM_RELEASE);
	assert_int_equal(PARSE("\x08\x01\x00\x00\x80", &m), 0);
	assert_int_equal(m.cookie, 0x80000001);
}

static void test_sign_in_is_version_and_one_way_in(void **state)
{
	struct stream_message m;

	(void)state;
	assert_int_equal(PARSE("\x01{\"version\":1,\"pin\":\"12345678\"}", &m), 0);
	assert_int_equal(m.sign_in.version, 1);
	assert_int_equal(m.sign_in.kind, CONTROL_KIND_PIN);
	assert_string_equal(m.sign_in.secret, "12345678");
	assert_int_equal(PARSE("\x01{\"link\":\"x\",\"version\":1,\"new\":[]}", &m), 0);
	assert_int_equal(m.sign_in.kind, CONTROL_KIND_LINK);
	assert_int_equal(PARSE("\x01{\"version\":1,\"resume\":\"\"}", &m), 0);
	assert_int_equal(m.sign_in.kind, CONTROL_KIND_RESUME);
	assert_int_equal(PARSE("\x01{\"version\":7,\"whatever\":1}", &m), 0);
	assert_int_equal(m.sign_in.version, 7);
}

#define BAD(text)                                                                              \
	{                                                                                      \
		text, sizeof(text) - 1                                                         \
	}

static void test_anything_else_is_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} cases[] = {
		{ "", 0 },
		BAD("\x00"),
		BAD("\x09"),
		BAD("\x81"),
		BAD("\x02\x01\x02\x03"),		   /* short */
		BAD("\x02\x01\x02\x03\x04\x05"),	   /* long */
		BAD("\x03\x02\x01\x00"),		   /* neither up nor down */
		BAD("\x03\x01\x00\x00"),		   /* key 0 */
		BAD("\x03\x01\xf8\x00"),		   /* key 248 */
		BAD("\x03\x01\x01\x01"),		   /* key 257 */
		BAD("\x05\x01\x00\x01\x00\x02\x00"),	   /* button 0 */
		BAD("\x05\x01\x04\x01\x00\x02\x00"),	   /* the wheel's */
		BAD("\x05\x01\x07\x01\x00\x02\x00"),
		BAD("\x05\x01\x0a\x01\x00\x02\x00"),
		BAD("\x05\x02\x01\x01\x00\x02\x00"),
		BAD("\x07\x00"),
		BAD("\x01"),
		BAD("\x01{"),
		BAD("\x01[]"),
		BAD("\x01{\"pin\":\"1\"}"),		   /* no version */
		BAD("\x01{\"version\":\"1\",\"pin\":\"1\"}"),
		BAD("\x01{\"version\":-1,\"pin\":\"1\"}"),
		BAD("\x01{\"version\":1}"),
		BAD("\x01{\"version\":1,\"pin\":1}"),
		BAD("\x01{\"version\":1,\"pin\":\"1\",\"link\":\"1\"}"),
		BAD("\x01{\"version\":1,\"pin\":\"1\",\"pin\":\"2\"}"),
		BAD("\x01{\"version\":1,\"pin\":\"1\\u0000\"}"),
		BAD("\x01{\"version\":1,\"pin\":\"\xff\"}"),
		BAD("\x01{\"version\":1,\"pin\":\"1\"}x"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stream_message m = { .seq = 77 };

		assert_int_equal(
			stream_parse((const uint8_t *)cases[i].bytes, cases[i].n, &m), -EBADMSG);
		assert_int_equal(m.seq, 77);
	}
}

static void test_sign_in_has_a_limit(void **state)
{
	uint8_t bytes[1 + STREAM_SIGN_IN_MAX + 1];
	static const char text[] = "\x01{\"version\":1,\"pin\":\"1\"}";
	struct stream_message m;

	(void)state;
	memset(bytes, ' ', sizeof(bytes));
	memcpy(bytes, text, sizeof(text) - 1);
	assert_int_equal(stream_parse(bytes, sizeof(bytes) - 1, &m), 0);
	assert_int_equal(stream_parse(bytes, sizeof(bytes), &m), -EBADMSG);
}

static void test_messages_of_the_server_are_as_documented(void **state)
{
	uint8_t out[16];

	(void)state;
	assert_int_equal(stream_put_screen(out, 1920, 1080), 5);
	assert_memory_equal(out, "\x84\x80\x07\x38\x04", 5);
	assert_int_equal(stream_put_frame_header(out, STREAM_FRAME_MORE, 0x01020304), 6);
	assert_memory_equal(out, "\x85\x01\x04\x03\x02\x01", 6);
	assert_int_equal(stream_put_cursor_header(out, 24, 25, 3, 4), 9);
	assert_memory_equal(out, "\x86\x18\x00\x19\x00\x03\x00\x04\x00", 9);
	assert_int_equal(stream_put_pong(out, 0x80000001), 5);
	assert_memory_equal(out, "\x87\x01\x00\x00\x80", 5);
}

static void test_rectangles_are_painted(void **state)
{
	/* 2 x 2 solid, then 3 x 2 of two colours, then one raw pixel. */
	static const uint8_t bytes[] = {
		0, 0, 0, 0, 0, 1, 1, 0x11, 0x22, 0x33, //
		1, 2, 0, 1, 0, 2, 1, 2, 0, 0, 0, 0xff, 0xff, 0xff, 0xa0, 0x40, //
		2, 0, 0, 3, 0, 0, 0, 1, 2, 3, //
	};
	static const uint32_t want[4][5] = {
		{ 0x112233, 0x112233, 0, 0, 0 },
		{ 0x112233, 0x112233, 0xffffff, 0, 0xffffff },
		{ 0, 0, 0, 0xffffff, 0 },
		{ 0x010203, 0, 0, 0, 0 },
	};
	uint32_t picture[4][5] = { 0 };

	(void)state;
	assert_int_equal(stream_decode_rects(bytes, sizeof(bytes), &picture[0][0], 5, 4), 0);
	assert_memory_equal(picture, want, sizeof(want));
}

static void test_rectangles_off_the_screen_or_malformed_are_refused(void **state)
{
	static const struct {
		uint8_t bytes[32];
		size_t n;
	} cases[] = {
		{ { 0, 4, 0, 0, 0, 1, 0, 1, 2, 3 }, 10 },		 /* right edge */
		{ { 0, 0, 0, 3, 0, 0, 1, 1, 2, 3 }, 10 },		 /* bottom edge */
		{ { 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 1, 2, 3 }, 10 },	 /* far away */
		{ { 0, 0, 0, 0, 0, 64, 0, 1, 2, 3 }, 10 },		 /* 65 wide */
		{ { 3, 0, 0, 0, 0, 0, 0, 1, 2, 3 }, 10 },		 /* kind */
		{ { 0, 0, 0, 0, 0, 0, 0, 1, 2 }, 9 },			 /* short */
		{ { 0, 0, 0 }, 3 },
		{ { 2, 0, 0, 0, 0, 0, 0, 1, 2 }, 9 },
		{ { 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0 }, 12 },		 /* one colour */
		{ { 1, 0, 0, 0, 0, 0, 0, 17 }, 8 },			 /* too many */
		{ { 1, 0, 0, 0, 0, 0, 0, 3, 1, 1, 1, 2, 2, 2, 3, 3, 3, 0xc0 }, 18 }, /* index 3 */
		{ { 1, 0, 0, 0, 0, 0, 0, 2, 1, 1, 1, 2, 2, 2 }, 14 },	 /* no rows */
	};
	uint32_t picture[4 * 5];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(
			stream_decode_rects(cases[i].bytes, cases[i].n, picture, 5, 4), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_of_a_viewer_are_read),
		cmocka_unit_test(test_sign_in_is_version_and_one_way_in),
		cmocka_unit_test(test_anything_else_is_refused),
		cmocka_unit_test(test_sign_in_has_a_limit),
		cmocka_unit_test(test_messages_of_the_server_are_as_documented),
		cmocka_unit_test(test_rectangles_are_painted),
		cmocka_unit_test(test_rectangles_off_the_screen_or_malformed_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
