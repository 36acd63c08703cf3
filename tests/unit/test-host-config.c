/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/host-config.h"

#include <errno.h>

#include "base/flavour.h"
#include "base/mem.h"
#include "unit/test.h"

static json_t *parse(const char *text)
{
	char why[SETTINGS_WHY_MAX] = "";
	json_t *config = NULL;

	assert_int_equal(host_config_parse(text, strlen(text), &config, why), 0);
	return config;
}

static void test_only_one_whole_object_is_a_configuration(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", " ", "{", "}", "[]", "null", "7", "\"text\"", "{} {}", "{\"a\":1,}",
		"{\"a\":1,\"a\":2}", "{'a':1}", "{\"a\":\"\xff\"}", "{\"a\":\"\\u0000\"}",
	};
	char why[SETTINGS_WHY_MAX];
	json_t *config = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		why[0] = '\0';
		assert_int_equal(
			host_config_parse(bad[i], strlen(bad[i]), &config, why), -EBADMSG);
		assert_null(config);
		assert_true(why[0]);
	}
	assert_int_equal(host_config_parse("{}\0", 3, &config, why), -EBADMSG);
}

/* A file that was cut may end within a key: its place says enough. */
static void test_what_stands_at_the_wrong_place_is_not_told(void **state)
{
	(void)state;
	const char *text = "{\n\"private_key\":\"s3cr3t";
	char why[SETTINGS_WHY_MAX];
	json_t *config = NULL;

	assert_int_equal(host_config_parse(text, strlen(text), &config, why), -EBADMSG);
	assert_non_null(strstr(why, "line 2: "));
	assert_null(strstr(why, "s3cr3t"));
}

static void test_deep_nesting_is_refused_and_never_a_crash(void **state)
{
	(void)state;
	const size_t n = 100000;
	CLEANUP(free) char *text = xalloc(n + 1, 1);
	char why[SETTINGS_WHY_MAX];
	json_t *config = NULL;

	memset(text, '[', n);
	assert_int_equal(host_config_parse(text, n, &config, why), -EBADMSG);
}

/* CFG-1 */
static void test_unknown_keys_their_order_and_big_numbers_are_kept(void **state)
{
	(void)state;
	const char *text = "{\n"
			   "  \"z\": 9007199254740993,\n"
			   "  \"a\": {\n"
			   "    \"x\": null\n"
			   "  },\n"
			   "  \"m\": \"\xc3\xa9\"\n"
			   "}\n";
	json_t *config = parse(text);
	CLEANUP(free) char *again = NULL;
	size_t n;

	assert_int_equal(host_config_text(config, &again, &n), 0);
	assert_string_equal(again, text);
	assert_int_equal(n, strlen(text));
	json_decref(config);
}

static void test_the_first_key_that_is_missing_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *text, *missing;
	} cases[] = {
		{ "{}", "host_id" },
		{ "{\"host_id\":\"i\"}", "host_name" },
		{ "{\"host_id\":\"i\",\"host_name\":\"n\",\"private_key\":\"\"}", "private_key" },
		{ "{\"host_id\":\"i\",\"host_name\":\"n\",\"private_key\":7}", "private_key" },
		{ "{\"host_id\":\"i\",\"host_name\":\"n\",\"private_key\":\"k\"}", "pin_hash" },
		{ "{\"host_id\":\"i\",\"host_name\":\"n\",\"private_key\":\"k\",\"pin_hash\":\"h\"}",
			NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *config = parse(cases[i].text);
		const char *missing = host_config_missing(config);

		if (cases[i].missing)
			assert_string_equal(missing, cases[i].missing);
		else
			assert_null(missing);
		json_decref(config);
	}
}

/* CFG-7 */
static void test_the_host_gets_all_of_it_and_the_settings_that_concern_it(void **state)
{
	(void)state;
	static const char *const listen[] = { "127.0.0.1:2327", "[::1]:2327" };
	json_t *config = parse("{\"host_id\":\"i\",\"tomorrow\":[1],\"pin_hash\":\"$h\"}");
	CLEANUP(free) char *text = NULL;
	char why[SETTINGS_WHY_MAX];
	struct settings settings;
	json_t *whole = NULL, *own;
	size_t n;

	settings_init(&settings, &flavour_afar);
	assert_int_equal(settings_set(&settings, "display", "sizes", "1280x720", why), 0);
	assert_int_equal(settings_set(&settings, "server", "names", "desk.example", why), 0);
	assert_int_equal(host_config_for_host(config, &settings, listen, 2, &text, &n), 0);
	whole = parse(text);
	assert_string_equal(json_string_value(json_object_get(whole, "host_id")), "i");
	assert_int_equal(json_array_size(json_object_get(whole, "tomorrow")), 1);
	own = parse("{\"listen\":[\"127.0.0.1:2327\",\"[::1]:2327\"],\"names\":[\"desk.example\"],"
		    "\"pin_hash\":\"$h\",\"sizes\":[[1280,720]],\"limits\":{}}");
	assert_true(json_equal(json_object_get(whole, "afar"), own));
	assert_null(json_object_get(config, "afar")); /* the original is as it was */
	json_decref(own);
	json_decref(whole);
	json_decref(config);
}

/* CFG-7, CFG-1 */
static void test_the_vendors_host_gets_it_as_it_is_on_one_line_of_ascii(void **state)
{
	(void)state;
	static const struct {
		const char *text, *plain;
	} cases[] = {
		{ "{}", "{}" },
		{ "{ \"z\" : 1,\n\"a\" : [ true , null ], \"tomorrow\": {\"b\":{}, \"a\":\"\"} }",
			"{\"z\":1,\"a\":[true,null],\"tomorrow\":{\"b\":{},\"a\":\"\"}}" },
		{ "{\"n\":\"Gr\xc3\xbc\xc3\x9f""e\"}", "{\"n\":\"Gr\\u00FC\\u00DFe\"}" },
		{ "{\"\xe2\x82\xac\":\"\xf0\x9f\x98\x80\"}",
			"{\"\\u20AC\":\"\\uD83D\\uDE00\"}" },
		{ "{\"a\":\"\\u00e9\\n\\\"\\\\\\/\\u001f\"}",
			"{\"a\":\"\\u00E9\\n\\\"\\\\/\\u001F\"}" },
		{ "{\"a\":9007199254740993,\"b\":-9223372036854775808,\"c\":0.5}",
			"{\"a\":9007199254740993,\"b\":-9223372036854775808,\"c\":0.5}" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *config = parse(cases[i].text);
		CLEANUP(free) char *plain = NULL;
		json_t *again;
		size_t n;

		assert_int_equal(host_config_plain(config, &plain, &n), 0);
		assert_string_equal(plain, cases[i].plain);
		assert_int_equal(n, strlen(plain));
		again = parse(plain);
		assert_true(json_equal(again, config));
		json_decref(again);
		json_decref(config);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_one_whole_object_is_a_configuration),
		cmocka_unit_test(test_what_stands_at_the_wrong_place_is_not_told),
		cmocka_unit_test(test_deep_nesting_is_refused_and_never_a_crash),
		cmocka_unit_test(test_unknown_keys_their_order_and_big_numbers_are_kept),
		cmocka_unit_test(test_the_first_key_that_is_missing_is_named),
		cmocka_unit_test(test_the_host_gets_all_of_it_and_the_settings_that_concern_it),
		cmocka_unit_test(test_the_vendors_host_gets_it_as_it_is_on_one_line_of_ascii),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
