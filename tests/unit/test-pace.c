/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/video/pace.h"

#include "unit/test.h"

/* @n pictures of that cost, at the pace that is affordable; returns the time after them. */
static usec_t run(struct pace *pace, usec_t cost, unsigned n, usec_t now)
{
	for (unsigned i = 0; i < n; i++) {
		bool half = pace_is_half(pace);

		pace_note(pace, half ? cost / 4 : cost, 0, half, now);
		now += USEC_PER_SEC / pace_per_second(pace);
	}
	return now;
}

static void test_the_budget_says_how_many(void **state)
{
	static const struct {
		usec_t cost;
		unsigned expected;
	} cases[] = { { 1000, 60 }, { 8300, 60 }, { 10000, 30 }, { 16000, 30 }, { 20000, 20 },
		{ 90000, 6 }, { 400000, 1 }, { 60000000, 1 }, { 0, 60 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pace pace;

		pace_init(&pace, 0.5, false);
		assert_int_equal(pace_per_second(&pace), 60);
		run(&pace, cases[i].cost, 3, 1);
		assert_int_equal(pace_per_second(&pace), cases[i].expected);
		assert_true(pace_interval(&pace) < USEC_PER_SEC / cases[i].expected);
		assert_true(pace_interval(&pace) > USEC_PER_SEC / (2 * cases[i].expected));
	}
}

static void test_dearer_pictures_slow_down_at_once_and_cheaper_ones_only_later(void **state)
{
	struct pace pace;
	usec_t now, cheap;

	(void)state;
	pace_init(&pace, 0.5, false);
	now = run(&pace, 4000, 60, 1);
	now = run(&pace, 14000, 30, now);
	assert_int_equal(pace_per_second(&pace), 30);
	cheap = now;
	while (pace_per_second(&pace) == 30 && now < cheap + 10 * USEC_PER_SEC)
		now = run(&pace, 4000, 1, now);
	assert_int_equal(pace_per_second(&pace), 60);
	assert_true(now - cheap >= PACE_UP_USEC);
	assert_true(now - cheap <= 2 * PACE_UP_USEC);
}

static void test_cost_at_the_limit_does_not_swing(void **state)
{
	struct pace pace;
	usec_t now = 1;
	unsigned n_changes = 0, last = 60;

	(void)state;
	pace_init(&pace, 0.5, false);
	for (int i = 0; i < 2000; i++) {
		now = run(&pace, i % 2 ? 7900 : 8900, 1, now);
		n_changes += pace_per_second(&pace) != last;
		last = pace_per_second(&pace);
	}
	assert_true(n_changes <= 1);
}

static void test_a_new_budget_holds_from_the_next_picture_on(void **state)
{
	struct pace pace;

	(void)state;
	pace_init(&pace, 0.5, false);
	run(&pace, 8000, 10, 1);
	assert_int_equal(pace_per_second(&pace), 60);
	pace_set_budget(&pace, 0.25);
	run(&pace, 8000, 1, USEC_PER_SEC);
	assert_int_equal(pace_per_second(&pace), 30);
}

/* A film of more than one can afford is first less sharp, and only then less smooth. */
static void test_halves_come_before_fewer_pictures(void **state)
{
	static const struct {
		usec_t cost; /* of a whole one */
		unsigned expected;
		bool half;
	} cases[] = { { 8300, 60, false }, { 10000, 60, true }, { 33000, 60, true },
		{ 40000, 30, true }, { 80000, 20, true }, { 60000000, 1, true } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pace pace;

		pace_init(&pace, 0.5, true);
		run(&pace, cases[i].cost, 3, 1);
		assert_int_equal(pace_per_second(&pace), cases[i].expected);
		assert_int_equal(pace_is_half(&pace), cases[i].half);
	}
}

/* What the link's time affords counts as what the CPU's does, whichever is less. */
static void test_a_link_slows_down_too(void **state)
{
	static const struct {
		usec_t cost, link; /* of a half */
		unsigned expected;
	} cases[] = { { 2000, 1000, 60 }, { 2000, 30000, 30 }, { 2000, 400000, 2 }, { 15000, 1000, 30 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pace pace;

		pace_init(&pace, 0.5, true);
		pace_begin_half(&pace);
		assert_true(pace_is_half(&pace));
		assert_int_equal(pace_per_second(&pace), 60);
		for (usec_t now = 1; now < 10; now++)
			pace_note(&pace, cases[i].cost, cases[i].link, true, now);
		assert_true(pace_is_half(&pace));
		assert_int_equal(pace_per_second(&pace), cases[i].expected);
		pace_init(&pace, 0.5, false);
		pace_begin_half(&pace);
		assert_false(pace_is_half(&pace));
	}
}

static void test_whole_pictures_come_back_when_they_are_affordable(void **state)
{
	struct pace pace;
	usec_t now;

	(void)state;
	pace_init(&pace, 0.5, true);
	now = run(&pace, 12000, 60, 1);
	assert_true(pace_is_half(&pace));
	pace_note(&pace, 1000, 0, false, now); /* begun before: says nothing about halves */
	now = run(&pace, 12000, 60 * 5, now);
	assert_true(pace_is_half(&pace));
	run(&pace, 5000, 60 * 3, now);
	assert_false(pace_is_half(&pace));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_budget_says_how_many),
		cmocka_unit_test(
			test_dearer_pictures_slow_down_at_once_and_cheaper_ones_only_later),
		cmocka_unit_test(test_cost_at_the_limit_does_not_swing),
		cmocka_unit_test(test_a_new_budget_holds_from_the_next_picture_on),
		cmocka_unit_test(test_halves_come_before_fewer_pictures),
		cmocka_unit_test(test_a_link_slows_down_too),
		cmocka_unit_test(test_whole_pictures_come_back_when_they_are_affordable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
