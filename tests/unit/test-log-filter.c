/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/log-filter.h"

#include <stdio.h>

#include "base/mem.h"
#include "unit/test.h"

/* 2026-01-31T12:00:00.250Z */
#define WALL ((usec_t)1769860800250000)

static const char *const lines[] = {
	"a line of nobody's",
	"2026-01-31T11:59:59.999Z info supervisor: Xorg is ready on :20",
	"2026-01-31T12:00:00.249Z session: one: two",
	"\tand its second line",
	"2026-01-31T12:00:00.250Z session: info: not a level",
	"2026-01-31T12:00:00.251Z host: error: no: such: thing",
	"2026-01-31T12:00:00.25 session: no time",
	"2026-01-31T12:00:01.000Z info supervisor: session: not its own",
	"2026-01-31T12:00:01.000Z without a colon",
	"2026-01-31T12:00:01.000Z",
};

/* A letter each: 'x' is wanted. */
static void check_wants(struct log_filter *filter, const char *expected)
{
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		if (log_filter_wants(filter, lines[i]) != (expected[i] == 'x'))
			fail_msg("'%s'", lines[i]);
	}
}

static void test_without_a_wish_all_lines_are_wanted(void **state)
{
	(void)state;
	struct log_filter filter;

	log_filter_init(&filter, 0, NULL, 0);
	check_wants(&filter, "xxxxxxxxxx");
}

static void test_lines_since_a_moment_are_wanted_with_those_that_belong_to_them(void **state)
{
	(void)state;
	struct log_filter filter;

	log_filter_init(&filter, WALL, NULL, 0);
	check_wants(&filter, "....xxxxxx");
}

static void test_lines_of_components_are_wanted_by_whole_names(void **state)
{
	(void)state;
	static const char *const session[] = { "session" };
	static const char *const both[] = { "host", "supervisor" };
	static const char *const part[] = { "sess", "info", "sessions" };
	struct log_filter filter;

	log_filter_init(&filter, 0, session, ARRAY_SIZE(session));
	check_wants(&filter, "x.xxx.....");
	log_filter_init(&filter, 0, both, ARRAY_SIZE(both));
	check_wants(&filter, "xx...xxxxx");
	log_filter_init(&filter, 0, part, ARRAY_SIZE(part));
	check_wants(&filter, "x.........");
	log_filter_init(&filter, WALL, session, ARRAY_SIZE(session));
	check_wants(&filter, "....x.....");
}

static void test_it_knows_which_names_there_are(void **state)
{
	(void)state;
	static const char *const host[] = { "host" };
	struct log_filter filter;

	log_filter_init(&filter, WALL + USEC_PER_SEC, host, ARRAY_SIZE(host));
	check_wants(&filter, "..........");
	assert_int_equal(filter.n_seen, 3);
	assert_true(log_filter_has_seen(&filter, "supervisor"));
	assert_true(log_filter_has_seen(&filter, "session"));
	assert_true(log_filter_has_seen(&filter, "host"));
	assert_false(log_filter_has_seen(&filter, "info"));
}

static void test_any_number_of_names_and_any_length_will_do(void **state)
{
	(void)state;
	struct log_filter filter;
	char line[256];

	log_filter_init(&filter, 0, NULL, 0);
	for (int i = 0; i < 2 * LOG_FILTER_N_SEEN; i++) {
		snprintf(line, sizeof(line), "2026-01-31T12:00:01.000Z %0*d: text", 1 + 2 * i, i);
		assert_true(log_filter_wants(&filter, line));
	}
	assert_in_range(filter.n_seen, 10, LOG_FILTER_N_SEEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_a_wish_all_lines_are_wanted),
		cmocka_unit_test(
			test_lines_since_a_moment_are_wanted_with_those_that_belong_to_them),
		cmocka_unit_test(test_lines_of_components_are_wanted_by_whole_names),
		cmocka_unit_test(test_it_knows_which_names_there_are),
		cmocka_unit_test(test_any_number_of_names_and_any_length_will_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
