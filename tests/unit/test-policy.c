/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/policy.h"

#include "base/mem.h"
#include "unit/random.h"
#include "unit/test.h"

#define SEC USEC_PER_SEC

/* The contract's: CONST-3. */
static const struct relaunch_limits limits = {
	.healthy_after = 60 * SEC,
	.fast_delay = 5 * SEC,
	.slow_delay = 60 * SEC,
	.slow_after = 5,
	.give_up_after = 15,
};

static struct policy_actions step(struct policy *policy, enum policy_event_type type,
	enum policy_component component, usec_t now)
{
	struct policy_event event = { type, component, false };
	struct policy_actions actions;

	policy_step(policy, &event, now, &actions);
	return actions;
}

static enum component_state state_of(const struct policy *policy, enum policy_component c)
{
	return policy->entries[c].state;
}

/* A desktop that is up, at time 0. */
static void bring_up(struct policy *policy)
{
	policy_init(policy, &limits, 0);
	step(policy, POLICY_TICK, 0, 0);
	step(policy, POLICY_IS_READY, POLICY_HOST, 0);
	step(policy, POLICY_IS_READY, POLICY_BUS, 0);
	step(policy, POLICY_IS_READY, POLICY_DISPLAY, 0);
	step(policy, POLICY_IS_READY, POLICY_SESSION, 0);
	assert_int_equal(policy->state, STATUS_READY);
}

static void test_host_display_and_bus_start_together_and_the_session_after_them(void **state)
{
	(void)state;
	struct policy_actions actions;
	struct policy policy;

	policy_init(&policy, &limits, 0);
	actions = step(&policy, POLICY_TICK, 0, 0);
	assert_int_equal(actions.start,
		POLICY_BIT(POLICY_HOST) | POLICY_BIT(POLICY_DISPLAY) | POLICY_BIT(POLICY_BUS));
	assert_int_equal(step(&policy, POLICY_IS_READY, POLICY_DISPLAY, 1).start, 0);
	assert_int_equal(step(&policy, POLICY_IS_READY, POLICY_BUS, 2).start,
		POLICY_BIT(POLICY_SESSION));
}

static void test_a_session_does_without_a_bus_that_is_absent(void **state)
{
	(void)state;
	struct policy policy;

	policy_init(&policy, &limits, 0);
	step(&policy, POLICY_TICK, 0, 0);
	step(&policy, POLICY_IS_ABSENT, POLICY_BUS, 0);
	assert_int_equal(step(&policy, POLICY_IS_READY, POLICY_DISPLAY, 0).start,
		POLICY_BIT(POLICY_SESSION));
}

static void test_the_hosts_death_touches_nothing_else(void **state)
{
	(void)state;
	struct policy_actions actions;
	struct policy policy;

	bring_up(&policy);
	actions = step(&policy, POLICY_HAS_ENDED, POLICY_HOST, 100 * SEC);
	assert_int_equal(actions.stop, 0);
	assert_int_equal(actions.start, POLICY_BIT(POLICY_HOST));
	assert_int_equal(policy.state, STATUS_DEGRADED);
}

static void test_the_desktop_ends_as_a_whole_and_starts_when_all_of_it_has_ended(void **state)
{
	(void)state;
	struct policy_actions actions;
	struct policy policy;

	bring_up(&policy);
	actions = step(&policy, POLICY_HAS_ENDED, POLICY_SESSION, 100 * SEC);
	assert_int_equal(actions.stop, POLICY_BIT(POLICY_DISPLAY) | POLICY_BIT(POLICY_BUS));
	assert_int_equal(actions.start, 0);
	assert_int_equal(step(&policy, POLICY_HAS_ENDED, POLICY_BUS, 100 * SEC).start, 0);
	assert_int_equal(step(&policy, POLICY_HAS_ENDED, POLICY_DISPLAY, 100 * SEC).start,
		POLICY_BIT(POLICY_DISPLAY) | POLICY_BIT(POLICY_BUS));
	assert_int_equal(policy.entries[POLICY_DISPLAY].relaunch.n_short, 0);
}

static void test_a_session_whose_display_died_is_not_to_blame(void **state)
{
	(void)state;
	struct policy_event event = { POLICY_HAS_ENDED, POLICY_SESSION, true };
	struct policy_actions actions;
	struct policy policy;

	bring_up(&policy);
	policy_step(&policy, &event, 1 * SEC, &actions);
	assert_int_equal(actions.stop, POLICY_BIT(POLICY_DISPLAY) | POLICY_BIT(POLICY_BUS));
	assert_int_equal(policy.entries[POLICY_SESSION].relaunch.n_short, 0);
	step(&policy, POLICY_HAS_ENDED, POLICY_DISPLAY, 1 * SEC);
	assert_int_equal(policy.entries[POLICY_DISPLAY].relaunch.n_short, 1);
}

/* SUP-04: a child that ends at once is started at these seconds, and then no more. */
static void test_a_failing_host_is_started_exactly_as_the_contract_says(void **state)
{
	(void)state;
	static const unsigned at[] = { 0, 5, 10, 15, 20, 25, 85, 145, 205, 265, 325, 385, 445, 505,
		565 };
	struct policy_actions actions;
	struct policy policy;
	usec_t now = 0;

	policy_init(&policy, &limits, 0);
	actions = step(&policy, POLICY_TICK, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		assert_true(actions.start & POLICY_BIT(POLICY_HOST));
		assert_int_equal(now, at[i] * SEC);
		actions = step(&policy, POLICY_HAS_ENDED, POLICY_HOST, now);
		if (i + 1 == ARRAY_SIZE(at))
			break;
		assert_int_equal(actions.start, 0);
		now = actions.wake;
		actions = step(&policy, POLICY_TICK, 0, now);
	}
	assert_int_equal(actions.gave_up, POLICY_BIT(POLICY_HOST));
	assert_int_equal(state_of(&policy, POLICY_HOST), COMPONENT_FAILED);
	assert_int_equal(policy.state, STATUS_FAILED);
	assert_int_equal(step(&policy, POLICY_TICK, 0, now + 100000 * SEC).start, 0);
}

static void test_a_run_of_a_minute_clears_the_count_and_one_short_of_it_does_not(void **state)
{
	(void)state;
	static const struct {
		usec_t lasted;
		unsigned n_short;
	} cases[] = { { 59900 * USEC_PER_MSEC, 4 }, { 60 * SEC, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct policy policy;
		usec_t now = 0;

		policy_init(&policy, &limits, 0);
		step(&policy, POLICY_TICK, 0, 0);
		for (int n = 0; n < 3; n++) {
			now = step(&policy, POLICY_HAS_ENDED, POLICY_HOST, now).wake;
			step(&policy, POLICY_TICK, 0, now);
		}
		step(&policy, POLICY_HAS_ENDED, POLICY_HOST, now + cases[i].lasted);
		assert_int_equal(policy.entries[POLICY_HOST].relaunch.n_short, cases[i].n_short);
	}
}

static void test_one_that_says_it_is_hopeless_is_not_tried_again(void **state)
{
	(void)state;
	struct policy policy;

	bring_up(&policy);
	assert_int_equal(step(&policy, POLICY_IS_HOPELESS, POLICY_HOST, SEC).gave_up,
		POLICY_BIT(POLICY_HOST));
	assert_int_equal(step(&policy, POLICY_HAS_ENDED, POLICY_HOST, SEC).start, 0);
	assert_int_equal(policy.state, STATUS_FAILED);
}

static void test_stop_asks_all_at_once_and_finishes_with_the_last(void **state)
{
	(void)state;
	struct policy_actions actions;
	struct policy policy;

	bring_up(&policy);
	actions = step(&policy, POLICY_STOP, 0, SEC);
	assert_int_equal(actions.stop, (1U << POLICY_N_COMPONENTS) - 1);
	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		assert_false(actions.finished);
		actions = step(&policy, POLICY_HAS_ENDED, c, 2 * SEC);
		assert_int_equal(actions.start, 0);
	}
	assert_true(actions.finished);
}

/* D-1: a display that is only attached to. */
static void test_a_display_that_is_away_is_waited_for_without_a_count(void **state)
{
	(void)state;
	struct policy_actions actions;
	struct policy policy;

	policy_init(&policy, &limits, 0);
	policy_leave_out(&policy, POLICY_BIT(POLICY_BUS) | POLICY_BIT(POLICY_SESSION));
	actions = step(&policy, POLICY_TICK, 0, 0);
	assert_int_equal(actions.start, POLICY_BIT(POLICY_HOST) | POLICY_BIT(POLICY_DISPLAY));
	step(&policy, POLICY_IS_READY, POLICY_HOST, 0);
	for (usec_t now = 0; now < 100 * SEC; now += SEC) {
		actions = step(&policy, POLICY_IS_AWAY, POLICY_DISPLAY, now);
		assert_int_equal(actions.start | actions.stop | actions.gave_up, 0);
		assert_true(actions.wake == USEC_NEVER);
		assert_int_equal(state_of(&policy, POLICY_DISPLAY), COMPONENT_WAITING);
		assert_int_equal(policy.state, now ? STATUS_DEGRADED : STATUS_STARTING);
		assert_int_equal(step(&policy, POLICY_TICK, 0, now).start, 0);
		actions = step(&policy, POLICY_IS_READY, POLICY_DISPLAY, now);
		assert_int_equal(actions.start | actions.stop, 0);
		assert_int_equal(policy.state, STATUS_READY);
	}
	assert_int_equal(state_of(&policy, POLICY_SESSION), COMPONENT_OFF);
	assert_int_equal(policy.entries[POLICY_DISPLAY].relaunch.n_short, 0);
	assert_int_equal(policy.entries[POLICY_DISPLAY].n_starts, 1);
}

static void test_a_stop_waits_for_no_display_that_is_away(void **state)
{
	(void)state;
	struct policy_actions actions;
	struct policy policy;

	policy_init(&policy, &limits, 0);
	policy_leave_out(&policy, POLICY_BIT(POLICY_BUS) | POLICY_BIT(POLICY_SESSION));
	step(&policy, POLICY_TICK, 0, 0);
	step(&policy, POLICY_IS_AWAY, POLICY_DISPLAY, 0);
	actions = step(&policy, POLICY_STOP, 0, SEC);
	assert_int_equal(actions.stop, POLICY_BIT(POLICY_HOST));
	/* It comes just now: too late. */
	assert_false(step(&policy, POLICY_IS_READY, POLICY_DISPLAY, SEC).finished);
	assert_true(step(&policy, POLICY_HAS_ENDED, POLICY_HOST, SEC).finished);
}

/* What must hold after every step, whatever happened. */
static void assert_sane(const struct policy *policy, const struct policy_actions *actions,
	policy_set alive)
{
	bool session_starts = actions->start & POLICY_BIT(POLICY_SESSION);

	if (policy->stopping)
		assert_int_equal(actions->start, 0);
	if (session_starts) {
		assert_int_equal(state_of(policy, POLICY_DISPLAY), COMPONENT_READY);
		assert_true(state_of(policy, POLICY_BUS) == COMPONENT_READY
			|| state_of(policy, POLICY_BUS) == COMPONENT_OFF
			|| state_of(policy, POLICY_BUS) == COMPONENT_FAILED);
	}
	assert_int_equal(actions->start & alive, 0);
	assert_int_equal(actions->stop & ~alive, 0);
	assert_int_equal(actions->finished, policy->stopping && !alive);
}

static void test_a_hundred_thousand_random_events_break_no_rule(void **state)
{
	(void)state;
	struct random random = { 1 };
	struct policy policy;
	policy_set alive = 0;
	usec_t now = 0;

	policy_init(&policy, &limits, 0);
	for (int i = 0; i < 100000; i++) {
		enum policy_component c = random_below(&random, POLICY_N_COMPONENTS);
		struct policy_event event = { POLICY_TICK, c, false };
		struct policy_actions actions;

		if (random_below(&random, 3))
			now += (usec_t)random_below(&random, 90) * SEC;
		switch (random_below(&random, 8)) {
		case 0:
		case 1:
		case 2:
			event.type = POLICY_IS_READY;
			break;
		case 3:
			if (alive & POLICY_BIT(c))
				event.type = POLICY_HAS_ENDED;
			event.blame_display = random_below(&random, 2);
			break;
		case 4:
			if (!random_below(&random, 500))
				event.type = POLICY_STOP;
			break;
		}
		if (event.type == POLICY_HAS_ENDED)
			alive &= ~POLICY_BIT(c);
		policy_step(&policy, &event, now, &actions);
		assert_sane(&policy, &actions, alive);
		alive |= actions.start;
		if (actions.finished || policy.state == STATUS_FAILED) {
			policy_init(&policy, &limits, now);
			alive = 0;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host_display_and_bus_start_together_and_the_session_after_them),
		cmocka_unit_test(test_a_session_does_without_a_bus_that_is_absent),
		cmocka_unit_test(test_the_hosts_death_touches_nothing_else),
		cmocka_unit_test(test_the_desktop_ends_as_a_whole_and_starts_when_all_of_it_has_ended),
		cmocka_unit_test(test_a_session_whose_display_died_is_not_to_blame),
		cmocka_unit_test(test_a_failing_host_is_started_exactly_as_the_contract_says),
		cmocka_unit_test(test_a_run_of_a_minute_clears_the_count_and_one_short_of_it_does_not),
		cmocka_unit_test(test_one_that_says_it_is_hopeless_is_not_tried_again),
		cmocka_unit_test(test_stop_asks_all_at_once_and_finishes_with_the_last),
		cmocka_unit_test(test_a_display_that_is_away_is_waited_for_without_a_count),
		cmocka_unit_test(test_a_stop_waits_for_no_display_that_is_away),
		cmocka_unit_test(test_a_hundred_thousand_random_events_break_no_rule),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
