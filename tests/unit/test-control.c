/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/control.h"

#include <errno.h>

#include "base/mem.h"
#include "unit/test.h"

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TOKEN "AAAAAAAAAAAAAAAAAAAA-_"

static int decode(const char *line, struct control_message *ret)
{
	return control_decode(line, strlen(line), ret);
}

static void test_every_type_is_written_as_documented_and_read_back(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		enum control_type type;
	} cases[] = {
		{ "{\"type\":\"status\",\"body\":{\"state\":\"ready\"}}", CONTROL_STATUS },
		{ "{\"type\":\"settings\",\"body\":{\"names\":[\"desk\"]}}", CONTROL_SETTINGS },
		{ "{\"type\":\"display_up\",\"display\":\":20\",\"xauthority\":\"/run/x\"}",
			CONTROL_DISPLAY_UP },
		{ "{\"type\":\"display_down\",\"component\":\"session\",\"reason\":\"it "
		  "ended\"}",
			CONTROL_DISPLAY_DOWN },
		{ "{\"type\":\"verdict\",\"id\":7,\"ok\":false,\"retry_after\":60}",
			CONTROL_VERDICT },
		{ "{\"type\":\"make_link\",\"id\":4294967295}", CONTROL_MAKE_LINK },
		{ "{\"type\":\"attempt\",\"id\":1,\"kind\":\"link\",\"source\":\"::1\","
		  "\"hash\":\"" HASH "\"}",
			CONTROL_ATTEMPT },
		{ "{\"type\":\"attempt\",\"id\":1,\"kind\":\"resume\",\"source\":\"::1\","
		  "\"hash\":\"" HASH "\"}",
			CONTROL_ATTEMPT },
		{ "{\"type\":\"attempt\",\"id\":1,\"kind\":\"pin\",\"source\":\"::1\"}",
			CONTROL_ATTEMPT },
		{ "{\"type\":\"signed_in\",\"source\":\"127.0.0.1\",\"hash\":\"" HASH "\"}",
			CONTROL_SIGNED_IN },
		{ "{\"type\":\"link\",\"id\":3,\"token\":\"" TOKEN "\",\"hash\":\"" HASH "\"}",
			CONTROL_LINK },
		{ "{\"type\":\"viewers\",\"body\":[]}", CONTROL_VIEWERS },
		{ "{\"type\":\"ping\",\"id\":7}", CONTROL_PING },
		{ "{\"type\":\"pong\",\"id\":7}", CONTROL_PONG },
		{ "{\"type\":\"tell_stats\",\"id\":7}", CONTROL_TELL_STATS },
		{ "{\"type\":\"stats\",\"id\":7,\"body\":{\"host\":{}}}", CONTROL_STATS },
		{ "{\"type\":\"display_answers\",\"display\":\":20\",\"ok\":false}",
			CONTROL_DISPLAY_ANSWERS },
		{ "{\"type\":\"get_status\"}", CONTROL_GET_STATUS },
		{ "{\"type\":\"get_link\"}", CONTROL_GET_LINK },
		{ "{\"type\":\"get_stats\"}", CONTROL_GET_STATS },
		{ "{\"type\":\"reload\"}", CONTROL_RELOAD },
		{ "{\"type\":\"reply\",\"body\":\"http://127.0.0.1:2327/\"}", CONTROL_REPLY },
		{ "{\"type\":\"reply\",\"body\":null}", CONTROL_REPLY },
		{ "{\"type\":\"error\",\"reason\":\"no desktop\"}", CONTROL_ERROR },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct control_message message;
		CLEANUP(free) char *line = NULL;
		size_t n = 0;

		assert_int_equal(decode(cases[i].line, &message), 0);
		assert_int_equal(message.type, cases[i].type);
		assert_int_equal(control_encode(&message, &line, &n), 0);
		assert_int_equal(n, strlen(cases[i].line) + 1);
		assert_memory_equal(line, cases[i].line, n - 1);
		assert_string_equal(line + n - 1, "\n");
		control_message_finish(&message);
	}
}

static void test_what_lacks_a_field_or_has_a_wrong_one_is_refused(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"",
		"nonsense",
		"[]",
		"\"status\"",
		"{",
		"{}",
		"{\"type\":1}",
		"{\"type\":\"status\"}",
		"{\"type\":\"status\",\"body\":[]}",
		"{\"type\":\"viewers\",\"body\":{}}",
		"{\"type\":\"stats\",\"id\":1,\"body\":[]}",
		"{\"type\":\"stats\",\"body\":{}}",
		"{\"type\":\"tell_stats\",\"id\":\"1\"}",
		"{\"type\":\"verdict\",\"id\":7,\"ok\":1,\"retry_after\":0}",
		"{\"type\":\"verdict\",\"id\":-1,\"ok\":true,\"retry_after\":0}",
		"{\"type\":\"verdict\",\"id\":4294967296,\"ok\":true,\"retry_after\":0}",
		"{\"type\":\"verdict\",\"id\":1.5,\"ok\":true,\"retry_after\":0}",
		"{\"type\":\"verdict\",\"id\":1,\"ok\":true}",
		"{\"type\":\"attempt\",\"id\":1,\"kind\":\"link\",\"source\":\"::1\"}",
		"{\"type\":\"attempt\",\"id\":1,\"kind\":\"magic\",\"source\":\"::1\"}",
		"{\"type\":\"attempt\",\"id\":1,\"kind\":2,\"source\":\"::1\"}",
		"{\"type\":\"signed_in\",\"source\":\"::1\",\"hash\":\"abc\"}",
		"{\"type\":\"signed_in\",\"source\":\"::1\",\"hash\":\"" HASH "0\"}",
		/* a terminal's escape sequence where a token should be */
		"{\"type\":\"link\",\"id\":3,\"token\":\"\\u001b[2Jaaaaaaaaaaaaaaaaaa\","
		"\"hash\":\"" HASH "\"}",
		"{\"type\":\"error\",\"reason\":\"a\\u0000b\"}",
		"{\"type\":\"error\",\"reason\":\"a\",\"reason\":\"b\"}",
		"{\"type\":\"reply\"}",
		"{\"type\":\"get_status\"} x",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct control_message message = { .id = 42 };

		assert_int_equal(decode(lines[i], &message), -EBADMSG);
		assert_int_equal(message.id, 42);
	}
}

static void test_texts_are_held_to_their_size(void **state)
{
	(void)state;
	struct control_message message;
	char line[256];
	char name[40] = { 0 };

	memset(name, 'x', 31);
	snprintf(line, sizeof(line),
		"{\"type\":\"display_down\",\"component\":\"%s\",\"reason\":\"\"}", name);
	assert_int_equal(decode(line, &message), 0);
	assert_string_equal(message.component, name);
	control_message_finish(&message);

	memset(name, 'x', 32);
	snprintf(line, sizeof(line),
		"{\"type\":\"display_down\",\"component\":\"%s\",\"reason\":\"\"}", name);
	assert_int_equal(decode(line, &message), -EBADMSG);
}

static void test_unknown_types_and_keys_are_for_a_newer_version(void **state)
{
	(void)state;
	struct control_message message;

	assert_int_equal(decode("{\"type\":\"teleport\",\"to\":[1]}", &message), 0);
	assert_int_equal(message.type, CONTROL_UNKNOWN);
	control_message_finish(&message);

	assert_int_equal(decode("{\"colour\":[],\"type\":\"make_link\",\"id\":9}", &message), 0);
	assert_int_equal(message.type, CONTROL_MAKE_LINK);
	assert_int_equal(message.id, 9);
	control_message_finish(&message);
}

static void test_a_line_has_a_longest_length(void **state)
{
	(void)state;
	struct control_message message = { .type = CONTROL_REPLY };
	CLEANUP(free) char *text = xalloc(CONTROL_LINE_MAX + 1, 1);
	char *line = NULL;
	size_t n = 0;

	/* {"type":"reply","body":"…"} and the newline make 27 bytes beside the text. */
	memset(text, 'x', CONTROL_LINE_MAX - 27 + 1);
	message.body = json_string(text);
	assert_int_equal(control_encode(&message, &line, &n), -EMSGSIZE);
	assert_null(line);
	json_decref(message.body);

	text[CONTROL_LINE_MAX - 27] = '\0';
	message.body = json_string(text);
	assert_int_equal(control_encode(&message, &line, &n), 0);
	assert_int_equal(n, CONTROL_LINE_MAX);
	json_decref(message.body);
	assert_int_equal(control_decode(line, n - 1, &message), 0);
	control_message_finish(&message);
	assert_int_equal(control_decode(line, n, &message), -EBADMSG);
	free(line);
}

static void test_bytes_that_are_no_text_still_make_a_line(void **state)
{
	(void)state;
	struct control_message message = { .type = CONTROL_ERROR, .reason = "bad \xff\xc3 end" };
	CLEANUP(free) char *line = NULL;
	size_t n;

	assert_int_equal(control_encode(&message, &line, &n), 0);
	assert_string_equal(
		line, "{\"type\":\"error\",\"reason\":\"bad \xef\xbf\xbd\xef\xbf\xbd end\"}\n");
}

static void test_bytes_that_are_no_text_still_fit_when_they_are_many(void **state)
{
	(void)state;
	struct control_message message = { .type = CONTROL_ERROR };
	CLEANUP(free) char *line = NULL;
	size_t n;

	memset(message.reason, '\b', sizeof(message.reason) - 1);
	assert_int_equal(control_encode(&message, &line, &n), 0);
	assert_int_equal(control_decode(line, n - 1, &message), 0);
	assert_int_equal(strlen(message.reason), (sizeof(message.reason) - 1) / 3 * 3);
	control_message_finish(&message);
}

static void test_deep_nesting_is_refused_and_not_recursed_into(void **state)
{
	(void)state;
	CLEANUP(free) char *line = xalloc(CONTROL_LINE_MAX, 1);
	struct control_message message;

	memset(line, '[', CONTROL_LINE_MAX - 1);
	assert_int_equal(decode(line, &message), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_type_is_written_as_documented_and_read_back),
		cmocka_unit_test(test_what_lacks_a_field_or_has_a_wrong_one_is_refused),
		cmocka_unit_test(test_texts_are_held_to_their_size),
		cmocka_unit_test(test_unknown_types_and_keys_are_for_a_newer_version),
		cmocka_unit_test(test_a_line_has_a_longest_length),
		cmocka_unit_test(test_bytes_that_are_no_text_still_make_a_line),
		cmocka_unit_test(test_bytes_that_are_no_text_still_fit_when_they_are_many),
		cmocka_unit_test(test_deep_nesting_is_refused_and_not_recursed_into),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
