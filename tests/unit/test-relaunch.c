/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/relaunch.h"
#include "unit/test.h"

#define SEC ((usec_t)1000000)

static const struct relaunch_limits limits = {
	.healthy_after = 60 * SEC,
	.fast_delay = 1 * SEC,
	.slow_delay = 30 * SEC,
	.slow_after = 3,
	.give_up_after = 5,
};

/* Runs once for @lasted from @start; returns the verdict. */
static enum relaunch_verdict run(
	struct relaunch *r, usec_t start, usec_t lasted, usec_t *ret_at)
{
	relaunch_started(r, start);
	return relaunch_ended(r, start + lasted, false, ret_at);
}

static void test_short_runs_slow_down_then_give_up(void **state)
{
	(void)state;
	static const usec_t next[] = { 1 * SEC, 2 * SEC, 3 * SEC, 33 * SEC };
	struct relaunch r;
	usec_t at = 0;

	relaunch_init(&r, &limits);
	for (size_t i = 0; i < sizeof(next) / sizeof(next[0]); i++) {
		assert_int_equal(run(&r, at, 0, &at), RELAUNCH_AT);
		assert_int_equal(at, next[i]);
	}
	assert_int_equal(run(&r, at, 0, &at), RELAUNCH_GIVE_UP);
}

static void test_healthy_run_clears_the_count(void **state)
{
	(void)state;
	struct relaunch r;
	usec_t at = 0;

	relaunch_init(&r, &limits);
	for (int i = 0; i < 4; i++)
		run(&r, at, 0, &at);
	assert_int_equal(run(&r, 1000 * SEC, 61 * SEC, &at), RELAUNCH_AT);
	assert_int_equal(at, 1061 * SEC);
	assert_int_equal(r.n_short, 0);
}

static void test_expected_end_is_no_failure(void **state)
{
	(void)state;
	struct relaunch r;
	usec_t at = 0;

	relaunch_init(&r, &limits);
	relaunch_started(&r, 0);
	assert_int_equal(relaunch_ended(&r, 0, true, &at), RELAUNCH_AT);
	assert_int_equal(at, 1 * SEC);
	assert_int_equal(r.n_short, 0);
}

static void test_a_clock_that_goes_back_makes_nobody_healthy(void **state)
{
	(void)state;
	struct relaunch r;
	usec_t at;

	relaunch_init(&r, &limits);
	relaunch_started(&r, 100 * SEC);
	assert_int_equal(relaunch_ended(&r, 1 * SEC, false, &at), RELAUNCH_AT);
	assert_int_equal(r.n_short, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short_runs_slow_down_then_give_up),
		cmocka_unit_test(test_healthy_run_clears_the_count),
		cmocka_unit_test(test_expected_end_is_no_failure),
		cmocka_unit_test(test_a_clock_that_goes_back_makes_nobody_healthy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
