/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/status.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "unit/test.h"
#include "wire/text.h"

/* 2026-01-31T12:00:00.250Z */
#define WALL ((usec_t)1769860800250000)

/* The document without its first key, which is this build's version. */
static void assert_document(const struct status *status, const char *expected)
{
	json_t *document = status_to_json(status);
	CLEANUP(free) char *text = NULL;
	const char *rest;

	assert_non_null(document);
	text = json_dumps(document, JSON_COMPACT);
	json_decref(document);
	assert_true(str_starts(text, "{\"version\":\""));
	rest = strchr(text, ',');
	assert_non_null(rest);
	assert_string_equal(rest + 1, expected);
}

static void test_absent_values_are_null(void **state)
{
	(void)state;
	static const struct status_component host = { .name = "host" };
	const struct status status = { .components = &host, .n_components = 1 };

	assert_document(&status,
		"\"state\":\"starting\",\"now\":null,\"since\":null,\"url\":null,\"supervisor_"
		"pid\":null,"
		"\"supervisor_since\":null,\"guard_pid\":null,\"display\":null,\"components\":[{\"name\":\"host\","
		"\"state\":\"off\",\"pid\":null,\"since\":null,\"restarts\":0,\"next_try\":"
		"null,"
		"\"trouble\":null,\"last_end\":null,\"ends\":[]}],\"viewers\":[]}");
}

static void test_a_full_document_has_every_key_of_the_schema(void **state)
{
	(void)state;
	static struct status_component session = {
		.name = "session",
		.state = COMPONENT_WAITING,
		.since = WALL,
		.restarts = 3,
		.next_try = WALL + 5 * USEC_PER_SEC,
		.trouble = "is stopped",
		.last_end = {
			.known = true,
			.number = 1,
			.at = WALL,
			.text = "exited with 1",
			.log_tail = { "one", "t\xffo" },
			.n_log_tail = 2,
		},
	};
	struct status status = {
		.state = STATUS_DEGRADED,
		.since = WALL,
		.url = "http://127.0.0.1:2327/",
		.display = ":20",
		.supervisor_pid = 12,
		.guard_pid = 11,
		.components = &session,
		.n_components = 1,
	};

	assert_document(&status,
		"\"state\":\"degraded\",\"now\":null,\"since\":\"2026-01-31T12:00:00.250Z\","
		"\"url\":\"http://127.0.0.1:2327/\",\"supervisor_pid\":12,\"supervisor_since\":null,\"guard_pid\":11,"
		"\"display\":\":20\",\"components\":[{\"name\":\"session\",\"state\":"
		"\"waiting\","
		"\"pid\":null,\"since\":\"2026-01-31T12:00:00.250Z\",\"restarts\":3,"
		"\"next_try\":\"2026-01-31T12:00:05.250Z\",\"trouble\":\"is stopped\","
		"\"last_end\":{\"code\":1,"
		"\"text\":\"exited with 1\",\"at\":\"2026-01-31T12:00:00.250Z\","
		"\"log_tail\":[\"one\",\"t\xef\xbf\xbdo\"]},\"ends\":[]}],\"viewers\":[]}");
}

static void test_an_end_by_signal_says_so_and_viewers_are_borrowed(void **state)
{
	(void)state;
	static const struct status_component host = {
		.name = "host",
		.state = COMPONENT_READY,
		.pid = 99,
		.last_end = { .known = true, .by_signal = true, .number = 9, .text = "killed" },
	};
	struct status status = {
		.state = STATUS_READY,
		.components = &host,
		.n_components = 1,
		.viewers = json_pack("[{si}]", "id", 1),
	};

	assert_document(&status,
		"\"state\":\"ready\",\"now\":null,\"since\":null,\"url\":null,\"supervisor_"
		"pid\":null,"
		"\"supervisor_since\":null,\"guard_pid\":null,\"display\":null,\"components\":[{\"name\":\"host\","
		"\"state\":\"ready\",\"pid\":99,\"since\":null,\"restarts\":0,\"next_try\":"
		"null,"
		"\"trouble\":null,\"last_end\":{\"signal\":9,\"text\":\"killed\",\"at\":null,"
		"\"log_tail\":[]},\"ends\":[]}],"
		"\"viewers\":[{\"id\":1}]}");
	assert_int_equal(status.viewers->refcount, 1);
	json_decref(status.viewers);
}

static void test_the_last_ends_are_told_oldest_first(void **state)
{
	(void)state;
	static struct status_ends ends;
	const struct status_component host = { .name = "host", .ends = &ends };
	const struct status status = { .components = &host, .n_components = 1 };
	json_t *document, *list, *end;

	for (int i = 0; i < STATUS_N_ENDS + 3; i++) {
		struct status_past_end past = {
			.at = WALL + (usec_t)i * USEC_PER_SEC,
			.pid = i == 10 ? 0 : 100 + i,
			.number = i,
			.by_signal = i == 9,
			.core = i == 9,
			.asked = i == 10,
		};

		snprintf(past.text, sizeof(past.text), "number %d", i);
		status_ends_add(&ends, &past);
		assert_int_equal(ends.n, i < STATUS_N_ENDS ? i + 1 : STATUS_N_ENDS);
	}
	document = status_to_json(&status);
	list = json_object_get(json_array_get(json_object_get(document, "components"), 0), "ends");
	assert_int_equal(json_array_size(list), STATUS_N_ENDS);
	for (int i = 0; i < STATUS_N_ENDS; i++) {
		end = json_array_get(list, (size_t)i);
		assert_int_equal(json_integer_value(json_object_get(end, i == 6 ? "signal" : "code")), i + 3);
		assert_int_equal(json_object_size(end), 6);
	}
	end = json_array_get(list, 6);
	assert_string_equal(json_string_value(json_object_get(end, "text")), "number 9");
	assert_string_equal(
		json_string_value(json_object_get(end, "at")), "2026-01-31T12:00:09.250Z");
	assert_int_equal(json_integer_value(json_object_get(end, "pid")), 109);
	assert_true(json_is_true(json_object_get(end, "core")));
	assert_true(json_is_false(json_object_get(end, "asked")));
	end = json_array_get(list, 7);
	assert_true(json_is_null(json_object_get(end, "pid")));
	assert_true(json_is_false(json_object_get(end, "core")));
	assert_true(json_is_true(json_object_get(end, "asked")));
	json_decref(document);
}

static void test_any_bytes_become_valid_text(void **state)
{
	(void)state;
#define BAD "\xef\xbf\xbd"
	static const struct {
		const char *text;
		const char *expected;
	} cases[] = {
		{ "", "" },
		{ "plain\ttext", "plain\ttext" },
		{ "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
			"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "\x1b[31mred\x7f\r", BAD "[31mred" BAD BAD },
		{ "\xff\xfe", BAD BAD },
		{ "\xc0\xaf", BAD BAD },	      /* overlong */
		{ "\xe0\x80\xaf", BAD BAD BAD },      /* overlong */
		{ "\xed\xa0\x80", BAD BAD BAD },      /* a surrogate */
		{ "\xf4\x90\x80\x80", BAD BAD BAD BAD }, /* above U+10FFFF */
		{ "\xf0\x8f\x80\x80", BAD BAD BAD BAD }, /* overlong */
		{ "cut \xe2\x82", "cut " BAD BAD },
		{ "cut \xf0", "cut " BAD },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *value = text_to_json(cases[i].text);
		CLEANUP(free) char *line = NULL;

		assert_string_equal(json_string_value(value), cases[i].expected);
		/* and jansson, which checks when it writes, agrees */
		line = json_dumps(value, JSON_ENCODE_ANY);
		assert_non_null(line);
		json_decref(value);
	}
	assert_true(json_is_null(text_to_json(NULL)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_absent_values_are_null),
		cmocka_unit_test(test_a_full_document_has_every_key_of_the_schema),
		cmocka_unit_test(test_an_end_by_signal_says_so_and_viewers_are_borrowed),
		cmocka_unit_test(test_the_last_ends_are_told_oldest_first),
		cmocka_unit_test(test_any_bytes_become_valid_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
