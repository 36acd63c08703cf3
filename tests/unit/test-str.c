/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/str.h"

#include <errno.h>
#include <limits.h>

#include "base/mem.h"
#include "unit/test.h"

static void test_a_number_is_digits_within_bounds_and_nothing_else(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int r;
		unsigned long value;
	} cases[] = {
		{ "0", -ERANGE, 0 },
		{ "1", 0, 1 },
		{ "007", 0, 7 },
		{ "1000", 0, 1000 },
		{ "1001", -ERANGE, 0 },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "99999999999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
		{ "1.0", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned long value = 4711;

		assert_int_equal(str_to_uint(cases[i].text, 1, 1000, &value), cases[i].r);
		assert_int_equal(value, cases[i].r ? 4711 : cases[i].value);
	}
}

static void test_the_whole_range_of_the_type_can_be_read(void **state)
{
	(void)state;
	unsigned long value = 0;
	CLEANUP(free) char *text = xprintf("%lu", ULONG_MAX);

	assert_int_equal(str_to_uint(text, 0, ULONG_MAX, &value), 0);
	assert_true(value == ULONG_MAX);
}

static void test_the_last_part_of_a_path_is_its_basename(void **state)
{
	(void)state;
	assert_string_equal(str_basename("/usr/bin/afar"), "afar");
	assert_string_equal(str_basename("afar"), "afar");
	assert_string_equal(str_basename("/tmp/"), "");
	assert_string_equal(str_basename(""), "");
}

static void test_prefixes_and_emptiness_are_what_they_say(void **state)
{
	(void)state;
	assert_true(str_starts("MSG:text", "MSG:"));
	assert_true(str_starts("x", ""));
	assert_false(str_starts("MS", "MSG:"));
	assert_true(str_empty(NULL));
	assert_true(str_empty(""));
	assert_false(str_empty(" "));
}

static void test_text_grows_by_any_pieces_and_is_taken_away_from_the_front(void **state)
{
	(void)state;
	CLEANUP(strbuf) struct strbuf text = { 0 };

	strbuf_append(&text, "", 0);
	assert_string_equal(text.text, "");
	for (int i = 0; i < 1000; i++)
		strbuf_printf(&text, "%03d,", i);
	assert_false(text.failed);
	assert_int_equal(text.length, 4000);
	assert_memory_equal(text.text + 3996, "999,", 5);
	strbuf_consume(&text, 0);
	strbuf_consume(&text, 3996);
	assert_string_equal(text.text, "999,");
	strbuf_consume(&text, 4);
	assert_int_equal(text.length, 0);
	assert_string_equal(text.text, "");
	strbuf_append(&text, "a\0b", 3);
	assert_int_equal(text.length, 3);
	assert_memory_equal(text.text, "a\0b", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_number_is_digits_within_bounds_and_nothing_else),
		cmocka_unit_test(test_the_whole_range_of_the_type_can_be_read),
		cmocka_unit_test(test_the_last_part_of_a_path_is_its_basename),
		cmocka_unit_test(test_prefixes_and_emptiness_are_what_they_say),
		cmocka_unit_test(test_text_grows_by_any_pieces_and_is_taken_away_from_the_front),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
