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
	assert_int_equal(PARSE("\x02\x01\x02\x03\x04\x05\x06\xff\xff", &m), 0);
	assert_int_equal(m.type, STREAM_ACK);
	assert_int_equal(m.ack.seq, 0x04030201);
	assert_int_equal(m.ack.decode, 0x0605);
	assert_int_equal(m.ack.paint, 65535);
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
	assert_int_equal(PARSE("\x09" "0123456789abcdef" "\x01\x00\x00\x80", &m), 0);
	assert_int_equal(m.type, STREAM_JOIN);
	assert_memory_equal(m.join.key, "0123456789abcdef", 16);
	assert_int_equal(m.join.n_before, 0x80000001);
}

static void test_input_is_what_a_user_does(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 256; type++)
		assert_int_equal(stream_is_input((enum stream_request)type),
			type >= STREAM_KEY && type <= STREAM_RELEASE);
}

static void test_sign_in_is_version_and_one_way_in(void **state)
{
	struct stream_message m;

	(void)state;
	assert_int_equal(PARSE("\x01{\"version\":2,\"pin\":\"12345678\"}", &m), 0);
	assert_int_equal(m.sign_in.version, 2);
	assert_int_equal(m.sign_in.kind, CONTROL_KIND_PIN);
	assert_string_equal(m.sign_in.secret, "12345678");
	assert_int_equal(PARSE("\x01{\"link\":\"x\",\"version\":2,\"new\":[]}", &m), 0);
	assert_int_equal(m.sign_in.kind, CONTROL_KIND_LINK);
	assert_int_equal(PARSE("\x01{\"version\":2,\"resume\":\"\"}", &m), 0);
	assert_int_equal(m.sign_in.kind, CONTROL_KIND_RESUME);
	assert_int_equal(PARSE("\x01{\"version\":7,\"whatever\":1}", &m), 0);
	assert_int_equal(m.sign_in.version, 7);
}

static void test_a_viewer_says_what_it_can(void **state)
{
	struct stream_message m;

	(void)state;
	assert_int_equal(PARSE("\x01{\"version\":2,\"pin\":\"1\"}", &m), 0);
	assert_int_equal(m.sign_in.decodes, 0);
	assert_int_equal(PARSE("\x01{\"version\":2,\"pin\":\"1\",\"decodes\":[]}", &m), 0);
	assert_int_equal(m.sign_in.decodes, 0);
	assert_int_equal(PARSE("\x01{\"version\":2,\"pin\":\"1\",\"decodes\":"
			       "[\"h264\",\"jpeg\",\"av2\",\"jpeg\"]}",
				 &m),
		0);
	assert_int_equal(m.sign_in.decodes, 1 << STREAM_JPEG | 1 << STREAM_H264);
	assert_int_equal(PARSE("\x01{\"version\":2,\"pin\":\"1\",\"decodes\":[\"vp9\"]}", &m), 0);
	assert_int_equal(m.sign_in.decodes, 1 << STREAM_VP9);
	assert_false(m.sign_in.twin);
	assert_int_equal(PARSE("\x01{\"version\":2,\"pin\":\"1\",\"twin\":true}", &m), 0);
	assert_true(m.sign_in.twin);
	assert_int_equal(PARSE("\x01{\"version\":2,\"pin\":\"1\",\"twin\":false}", &m), 0);
	assert_false(m.sign_in.twin);
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
		BAD("\x02\x01\x02\x03\x04"),		   /* version 1's */
		BAD("\x02\x01\x02\x03\x04\x05\x06\x07"), /* short */
		BAD("\x02\x01\x02\x03\x04\x05\x06\x07\x08\x09"), /* long */
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
		BAD("\x09" "0123456789abcdef" "\x01\x00\x00"),
		BAD("\x09" "0123456789abcdef" "\x01\x00\x00\x00\x00"),
		BAD("\x01"),
		BAD("\x01{"),
		BAD("\x01[]"),
		BAD("\x01{\"pin\":\"1\"}"),		   /* no version */
		BAD("\x01{\"version\":\"1\",\"pin\":\"1\"}"),
		BAD("\x01{\"version\":-1,\"pin\":\"1\"}"),
		BAD("\x01{\"version\":2}"),
		BAD("\x01{\"version\":2,\"pin\":1}"),
		BAD("\x01{\"version\":2,\"pin\":\"1\",\"link\":\"1\"}"),
		BAD("\x01{\"version\":2,\"pin\":\"1\",\"pin\":\"2\"}"),
		BAD("\x01{\"version\":2,\"pin\":\"1\\u0000\"}"),
		BAD("\x01{\"version\":2,\"pin\":\"\xff\"}"),
		BAD("\x01{\"version\":2,\"pin\":\"1\"}x"),
		BAD("\x01{\"version\":2,\"pin\":\"1\",\"decodes\":\"jpeg\"}"),
		BAD("\x01{\"version\":2,\"pin\":\"1\",\"decodes\":[\"jpeg\",1]}"),
		BAD("\x01{\"version\":2,\"pin\":\"1\",\"decodes\":[[]]}"),
		BAD("\x01{\"version\":2,\"pin\":\"1\",\"decodes\":null}"),
		BAD("\x01{\"version\":2,\"pin\":\"1\",\"twin\":1}"),
		BAD("\x01{\"version\":2,\"pin\":\"1\",\"twin\":null}"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stream_message m = { .cookie = 77 };

		assert_int_equal(
			stream_parse((const uint8_t *)cases[i].bytes, cases[i].n, &m), -EBADMSG);
		assert_int_equal(m.cookie, 77);
	}
}

static void test_sign_in_has_a_limit(void **state)
{
	uint8_t bytes[1 + STREAM_SIGN_IN_MAX + 1];
	static const char text[] = "\x01{\"version\":2,\"pin\":\"1\"}";
	struct stream_message m;

	(void)state;
	memset(bytes, ' ', sizeof(bytes));
	memcpy(bytes, text, sizeof(text) - 1);
	assert_int_equal(stream_parse(bytes, sizeof(bytes) - 1, &m), 0);
	assert_int_equal(stream_parse(bytes, sizeof(bytes), &m), -EBADMSG);
}

static void test_messages_of_the_server_are_as_documented(void **state)
{
	static const struct stream_times times = { 1, 2, 3, 4, 5, 6, 0x1234 };
	static const struct stream_rect rect = { 0x102, 0x304, 0x506, 0x708 };
	uint8_t out[40];

	(void)state;
	assert_int_equal(stream_put_screen(out, 1920, 1080), 5);
	assert_memory_equal(out, "\x84\x80\x07\x38\x04", 5);
	assert_int_equal(stream_put_frame_header(out, STREAM_MORE, 0x01020304, NULL), 6);
	assert_memory_equal(out, "\x85\x01\x04\x03\x02\x01", 6);
	assert_int_equal(stream_put_frame_header(out, STREAM_DEFLATE(3), 7, &times), 20);
	assert_memory_equal(out,
		"\x85\x0e\x07\0\0\0\x01\0\x02\0\x03\0\x04\0\x05\0\x06\0\x34\x12", 20);
	assert_int_equal(stream_frame_header_size(NULL), 6);
	assert_int_equal(stream_frame_header_size(&times), STREAM_FRAME_HEADER_MAX);
	assert_int_equal(stream_put_picture_header(
				 out, STREAM_KEY_PICTURE, 7, &times, STREAM_VP9, &rect),
		STREAM_PICTURE_HEADER_MAX);
	assert_memory_equal(out, "\x88\x06\x07\0\0\0\x01\0", 8);
	assert_memory_equal(out + 20, "\x02\x02\x01\x04\x03\x06\x05\x08\x07", 9);
	assert_int_equal(stream_put_picture_header(out, STREAM_MORE, 7, NULL, STREAM_JPEG, &rect),
		15);
	assert_memory_equal(out, "\x88\x01\x07\0\0\0\x01\x02\x01", 9);
	assert_int_equal(stream_put_cursor_header(out, 24, 25, 3, 4), 9);
	assert_memory_equal(out, "\x86\x18\x00\x19\x00\x03\x00\x04\x00", 9);
	assert_int_equal(stream_put_pong(out, 0x80000001), 5);
	assert_memory_equal(out, "\x87\x01\x00\x00\x80", 5);
	assert_int_equal(stream_put_twin(out, (const uint8_t *)"0123456789abcdef"), 17);
	assert_memory_equal(out, "\x89" "0123456789abcdef", 17);
	assert_int_equal(stream_put_echo_header(out, 0x04030201, 0x605, 0x807), 9);
	assert_memory_equal(out, "\x8a\x01\x02\x03\x04\x05\x06\x07\x08", 9);
}

static void test_operations_are_as_documented(void **state)
{
	static const struct stream_rect tile = { 0x102, 0x304, 64, 1 };
	static const struct stream_rect rect = { 0x102, 0x304, 0x506, 0x708 };
	uint8_t out[16];

	(void)state;
	assert_int_equal(stream_put_rect_header(out, STREAM_DELTA, &tile), 7);
	assert_memory_equal(out, "\x03\x02\x01\x04\x03\x3f\x00", 7);
	assert_int_equal(stream_put_colour(out, 0xff123456), 3);
	assert_memory_equal(out, "\x12\x34\x56", 3);
	assert_int_equal(stream_put_copy(out, &rect, 0x90a, 0xb0c), STREAM_COPY_SIZE);
	assert_memory_equal(
		out, "\x04\x02\x01\x04\x03\x06\x05\x08\x07\x0a\x09\x0c\x0b", STREAM_COPY_SIZE);
	assert_int_equal(stream_put_slot(out, STREAM_STORE, 0x102, 3, 2047), STREAM_SLOT_SIZE);
	assert_memory_equal(out, "\x05\x02\x01\x03\x00\xff\x07", STREAM_SLOT_SIZE);
	assert_int_equal(stream_put_slot(out, STREAM_CACHED, 1, 0, 0), STREAM_SLOT_SIZE);
	assert_memory_equal(out, "\x06\x01\x00\x00\x00\x00\x00", STREAM_SLOT_SIZE);
	assert_int_equal(stream_index_bits(2), 1);
	assert_int_equal(stream_index_bits(3), 2);
	assert_int_equal(stream_index_bits(16), 4);
	assert_int_equal(stream_index_bits(17), 8);
	assert_int_equal(stream_index_bits(256), 8);
}

static void test_times_are_in_units_of_10_us_and_saturate(void **state)
{
	(void)state;
	assert_int_equal(stream_time(0), 1); /* known, and short */
	assert_int_equal(stream_time(10), 1);
	assert_int_equal(stream_time(11), 2);
	assert_int_equal(stream_time(655350), 65535);
	assert_int_equal(stream_time(UINT64_MAX - 9), 65535);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_of_a_viewer_are_read),
		cmocka_unit_test(test_sign_in_is_version_and_one_way_in),
		cmocka_unit_test(test_input_is_what_a_user_does),
		cmocka_unit_test(test_a_viewer_says_what_it_can),
		cmocka_unit_test(test_anything_else_is_refused),
		cmocka_unit_test(test_sign_in_has_a_limit),
		cmocka_unit_test(test_messages_of_the_server_are_as_documented),
		cmocka_unit_test(test_operations_are_as_documented),
		cmocka_unit_test(test_times_are_in_units_of_10_us_and_saturate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
