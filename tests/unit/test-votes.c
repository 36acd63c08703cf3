/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/scene/votes.h"

#include "unit/random.h"
#include "unit/test.h"

#define LENGTH 300

static int setup(void **state)
{
	static struct votes votes;

	assert_int_equal(votes_init(&votes, LENGTH), 0);
	*state = &votes;
	return 0;
}

static int teardown(void **state)
{
	votes_finish(*state);
	return 0;
}

/* Line @at of what was there before; it is of few kinds when @n_kinds is small. */
static uint32_t hash(int at, int n_kinds)
{
	struct random random = { (uint64_t)at * 77 };

	return (uint32_t)random_below(&random, n_kinds);
}

static void test_the_distance_of_most_lines_wins(void **state)
{
	static const int distances[] = { 1, -1, 40, -LENGTH + 20, LENGTH - 20 };
	struct votes *votes = *state;
	int distance;

	for (size_t i = 0; i < sizeof(distances) / sizeof(distances[0]); i++) {
		votes_clear(votes);
		for (int at = 0; at < LENGTH; at++)
			votes_add(
				votes, at, hash(at, 1 << 30), hash(at - distances[i], 1 << 30));
		votes_count(votes);
		assert_true(votes_best(votes, &distance) >= 20);
		assert_int_equal(distance, distances[i]);
		votes_strike(votes, distance);
		assert_int_equal(votes_best(votes, &distance), 0);
	}
}

static void test_lines_that_are_there_twice_or_have_not_changed_have_no_vote(void **state)
{
	struct votes *votes = *state;
	int distance;

	votes_clear(votes);
	for (int at = 0; at < LENGTH; at++)
		votes_add(votes, at, hash(at, 20), hash(at + 7, 20));
	votes_count(votes);
	assert_int_equal(votes_best(votes, &distance), 0);
	assert_true(votes_unclear(votes) > LENGTH / 2);
	votes_clear(votes);
	for (int at = 0; at < LENGTH; at++)
		votes_add(votes, at, hash(at, 1 << 30), hash(at, 1 << 30));
	votes_count(votes);
	assert_int_equal(votes_best(votes, &distance), 0);
	assert_int_equal(votes_unclear(votes), 0);
}

static void test_ballots_add_up_until_they_are_cleared(void **state)
{
	struct votes *votes = *state;
	int distance;

	votes_clear(votes);
	for (uint32_t i = 0; i < 3; i++) {
		votes_add(votes, 10, 111 + i, 5);
		votes_add(votes, 30, 222 + i, 111 + i);
		votes_count(votes);
	}
	assert_int_equal(votes_best(votes, &distance), 3);
	assert_int_equal(distance, 20);
	votes_clear(votes);
	assert_int_equal(votes_best(votes, &distance), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_distance_of_most_lines_wins),
		TEST(lines_that_are_there_twice_or_have_not_changed_have_no_vote),
		TEST(ballots_add_up_until_they_are_cleared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
