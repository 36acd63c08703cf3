/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/host-input.h"

#include <errno.h>

#include "base/mem.h"
#include "unit/test.h"

#define KEYS "\"host_id\":\"i\",\"host_name\":\"desk\",\"private_key\":\"k\""

static int parse(const char *text, struct host_input *ret)
{
	const char *why = "";

	return host_input_parse(text, strlen(text), ret, &why);
}

static void test_the_settings_pin_hash_wins_over_the_files(void **state)
{
	(void)state;
	struct host_input input = { 0 };

	assert_int_equal(parse("{" KEYS ",\"pin_hash\":\"a\",\"afar\":{\"pin_hash\":\"b\","
			       "\"names\":[\"x\",\"y\"],\"sizes\":[[1,2]]},\"zebra\":[]}",
				 &input),
		0);
	assert_string_equal(input.host_name, "desk");
	assert_string_equal(input.settings.pin_hash, "b");
	assert_int_equal(input.settings.n_names, 2);
	assert_string_equal(input.settings.names[1], "y");
	host_input_finish(&input);

	assert_int_equal(parse("{" KEYS ",\"pin_hash\":\"a\",\"afar\":{\"pin_hash\":null}}", &input),
		0);
	assert_string_equal(input.settings.pin_hash, "a");
	host_input_finish(&input);

	assert_int_equal(parse("{" KEYS "}", &input), 0);
	assert_null(input.settings.pin_hash);
	host_input_finish(&input);
}

static void test_what_is_missing_or_of_a_wrong_kind_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"{}",
		"{\"host_name\":\"d\",\"private_key\":\"k\"}",
		"{\"host_id\":\"i\",\"private_key\":\"k\"}",
		"{\"host_id\":\"i\",\"host_name\":\"d\"}",
		"{\"host_id\":\"\",\"host_name\":\"d\",\"private_key\":\"k\"}",
		"{\"host_id\":\"i\",\"host_name\":3,\"private_key\":\"k\"}",
		"{" KEYS ",\"pin_hash\":1}",
		"{" KEYS ",\"afar\":[]}",
		"{" KEYS ",\"afar\":{\"pin_hash\":\"\"}}",
		"{" KEYS ",\"afar\":{\"names\":\"x\"}}",
		"{" KEYS ",\"afar\":{\"names\":[\"a\",1]}}",
		"{" KEYS ",\"afar\":{\"names\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\"]}}",
		"{" KEYS "} x",
		"{" KEYS "," KEYS "}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct host_input input = { 0 };

		assert_int_equal(parse(texts[i], &input), -EBADMSG);
		assert_null(input.host_name);
	}
}

static void test_a_copy_is_its_own(void **state)
{
	(void)state;
	struct host_settings copy = { 0 };
	struct host_input input = { 0 };

	assert_int_equal(
		parse("{" KEYS ",\"afar\":{\"pin_hash\":\"b\",\"names\":[\"x\"]}}", &input), 0);
	assert_int_equal(host_settings_copy(&input.settings, &copy), 0);
	host_input_finish(&input);
	assert_string_equal(copy.pin_hash, "b");
	assert_int_equal(copy.n_names, 1);
	assert_string_equal(copy.names[0], "x");
	host_settings_finish(&copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_settings_pin_hash_wins_over_the_files),
		cmocka_unit_test(test_what_is_missing_or_of_a_wrong_kind_is_refused),
		cmocka_unit_test(test_a_copy_is_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
