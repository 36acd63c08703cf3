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

static policy_set set_of(enum policy_component a, enum policy_component b)
{
	return POLICY_BIT(a) | POLICY_BIT(b);
}

/* At time 0, with a machine that has no pre-session script and no crash uploader. */
static struct policy_actions begin(struct policy *policy, const struct policy_rules *rules)
{
	policy_init(policy, rules, &limits, 0, 0);
	step(policy, POLICY_TICK, 0, 0);
	return step(policy, POLICY_IS_ABSENT, POLICY_PRE_SESSION, 0);
}

/* A desktop that is up, without sound; at time 0. */
static void bring_up_by(struct policy *policy, const struct policy_rules *rules)
{
	begin(policy, rules);
	step(policy, POLICY_IS_READY, POLICY_BUS, 0);
	step(policy, POLICY_IS_READY, POLICY_DISPLAY, 0);
	step(policy, POLICY_IS_ABSENT, POLICY_AUDIO, 0);
	step(policy, POLICY_IS_READY, POLICY_SESSION, 0);
	step(policy, POLICY_IS_READY, POLICY_HOST, 0);
	step(policy, POLICY_IS_ABSENT, POLICY_CRASH_UPLOADER, 0);
	assert_int_equal(policy->state, STATUS_READY);
}

static void bring_up(struct policy *policy)
{
	bring_up_by(policy, &policy_rules_own);
}

static void test_host_display_and_bus_start_together_and_the_session_after_them(void **state)
{
	(void)state;
	struct policy policy;

	policy_init(&policy, &policy_rules_own, &limits, 0, 0);
	assert_true(step(&policy, POLICY_TICK, 0, 0).start & POLICY_BIT(POLICY_HOST));
	assert_int_equal(step(&policy, POLICY_IS_ABSENT, POLICY_PRE_SESSION, 0).start,
		set_of(POLICY_DISPLAY, POLICY_BUS));
	assert_int_equal(step(&policy, POLICY_IS_READY, POLICY_DISPLAY, 1).start, 0);
	assert_int_equal(step(&policy, POLICY_IS_READY, POLICY_BUS, 2).start,
		set_of(POLICY_SESSION, POLICY_AUDIO));
}

/* SUP-4, LSES-1: what the contract's order is. */
static void test_by_the_contract_the_host_starts_behind_the_session(void **state)
{
	(void)state;
	static const enum policy_component order[] = { POLICY_SESSION, POLICY_AUDIO, POLICY_HOST,
		POLICY_CRASH_UPLOADER };
	struct policy_actions actions;
	struct policy policy;
	size_t at = 0;

	actions = begin(&policy, &policy_rules_contract);
	assert_int_equal(actions.start, set_of(POLICY_DISPLAY, POLICY_BUS));
	step(&policy, POLICY_IS_READY, POLICY_BUS, 0);
	actions = step(&policy, POLICY_IS_READY, POLICY_DISPLAY, 0);
	for (int i = 0; i < POLICY_N_COMPONENTS; i++) {
		enum policy_component c = policy_rules_contract.start_order[i];

		if (actions.start & POLICY_BIT(c))
			assert_int_equal(c, order[at++]);
	}
	assert_int_equal(at, ARRAY_SIZE(order));
}

static void test_a_session_does_without_a_bus_that_is_absent_or_fails(void **state)
{
	(void)state;
	struct policy_actions actions;
	struct policy policy;

	begin(&policy, &policy_rules_own);
	step(&policy, POLICY_IS_ABSENT, POLICY_BUS, 0);
	assert_true(step(&policy, POLICY_IS_READY, POLICY_DISPLAY, 0).start
		& POLICY_BIT(POLICY_SESSION));

	begin(&policy, &policy_rules_own);
	step(&policy, POLICY_IS_READY, POLICY_DISPLAY, 0);
	actions = step(&policy, POLICY_HAS_ENDED, POLICY_BUS, SEC);
	assert_true(actions.start & POLICY_BIT(POLICY_SESSION));
	assert_int_equal(actions.stop, 0);
}

/* Of a desktop that has done without it, too. */
static void test_a_bus_that_fails_at_its_start_ends_nothing(void **state)
{
	(void)state;
	struct policy_actions actions;
	struct policy policy;

	begin(&policy, &policy_rules_own);
	step(&policy, POLICY_IS_READY, POLICY_DISPLAY, 0);
	step(&policy, POLICY_HAS_ENDED, POLICY_BUS, SEC);
	step(&policy, POLICY_IS_READY, POLICY_SESSION, SEC);
	assert_true(step(&policy, POLICY_TICK, 0, 20 * SEC).start & POLICY_BIT(POLICY_BUS));
	assert_int_equal(step(&policy, POLICY_HAS_ENDED, POLICY_BUS, 20 * SEC).stop, 0);
	assert_true(step(&policy, POLICY_TICK, 0, 100 * SEC).start & POLICY_BIT(POLICY_BUS));
	step(&policy, POLICY_IS_READY, POLICY_BUS, 100 * SEC);
	actions = step(&policy, POLICY_HAS_ENDED, POLICY_BUS, 101 * SEC);
	assert_true(actions.stop & POLICY_BIT(POLICY_SESSION));
}

/* N-2, PRE-1, PRE-2: nothing else is started before it has ended well. */
static void test_a_pre_session_comes_first_and_its_failure_is_the_sessions(void **state)
{
	(void)state;
	struct policy_actions actions;
	struct policy policy;

	policy_init(&policy, &policy_rules_contract, &limits, 0, 0);
	actions = step(&policy, POLICY_TICK, 0, 0);
	assert_int_equal(actions.start, POLICY_BIT(POLICY_PRE_SESSION));
	actions = step(&policy, POLICY_HAS_ENDED, POLICY_PRE_SESSION, SEC);
	assert_int_equal(actions.start, 0);
	assert_int_equal(actions.counted, POLICY_BIT(POLICY_SESSION));
	assert_int_equal(policy.entries[POLICY_SESSION].relaunch.n_short, 1);
	assert_int_equal(actions.wake, 5 * SEC);
	actions = step(&policy, POLICY_TICK, 0, 5 * SEC);
	assert_int_equal(actions.start, POLICY_BIT(POLICY_PRE_SESSION));
	actions = step(&policy, POLICY_IS_READY, POLICY_PRE_SESSION, 6 * SEC);
	assert_int_equal(actions.start, set_of(POLICY_DISPLAY, POLICY_BUS));
	assert_false(policy_is_running(&policy, POLICY_PRE_SESSION));
}

static void test_every_desktop_has_its_pre_session(void **state)
{
	(void)state;
	struct policy policy;

	policy_init(&policy, &policy_rules_own, &limits, 0, 0);
	step(&policy, POLICY_TICK, 0, 0);
	step(&policy, POLICY_IS_READY, POLICY_PRE_SESSION, 0);
	step(&policy, POLICY_IS_ABSENT, POLICY_BUS, 0);
	step(&policy, POLICY_IS_READY, POLICY_DISPLAY, 0);
	step(&policy, POLICY_IS_ABSENT, POLICY_AUDIO, 0);
	step(&policy, POLICY_HAS_ENDED, POLICY_SESSION, 100 * SEC);
	assert_int_equal(step(&policy, POLICY_HAS_ENDED, POLICY_DISPLAY, 100 * SEC).start,
		POLICY_BIT(POLICY_PRE_SESSION));
}

/* D-23 */
static void test_sound_keeps_nobody_waiting_but_for_what_it_will_be_called(void **state)
{
	(void)state;
	struct policy_actions actions;
	struct policy policy;

	policy_init(&policy, &policy_rules_contract, &limits, POLICY_BIT(POLICY_AUDIO), 0);
	step(&policy, POLICY_TICK, 0, 0);
	step(&policy, POLICY_IS_ABSENT, POLICY_PRE_SESSION, 0);
	step(&policy, POLICY_IS_ABSENT, POLICY_BUS, 0);
	assert_int_equal(step(&policy, POLICY_IS_READY, POLICY_DISPLAY, 0).start, 0);
	actions = step(&policy, POLICY_IS_SETTLED, POLICY_AUDIO, 1);
	assert_true(actions.start & POLICY_BIT(POLICY_SESSION));
	assert_true(actions.start & POLICY_BIT(POLICY_HOST));
	actions = step(&policy, POLICY_HAS_ENDED, POLICY_AUDIO, 2);
	assert_int_equal(actions.stop, 0);
	assert_int_equal(actions.counted, POLICY_BIT(POLICY_AUDIO));
	/* Sound waits for its next try; the host does not. */
	assert_int_equal(step(&policy, POLICY_HAS_ENDED, POLICY_HOST, 61 * SEC).start
			& POLICY_BIT(POLICY_HOST),
		POLICY_BIT(POLICY_HOST));
}

/* AUDIO-11: fifteen failures, and the daemon goes on. */
static void test_sound_that_always_fails_is_given_up_and_nothing_else(void **state)
{
	(void)state;
	struct policy_actions actions = { 0 };
	struct policy policy;
	usec_t now = 0;

	bring_up_by(&policy, &policy_rules_contract);
	policy.entries[POLICY_AUDIO].state = COMPONENT_WAITING;
	for (int i = 0; i < 15; i++) {
		step(&policy, POLICY_TICK, 0, now);
		assert_int_equal(state_of(&policy, POLICY_AUDIO), COMPONENT_STARTING);
		actions = step(&policy, POLICY_HAS_ENDED, POLICY_AUDIO, now);
		now = actions.wake;
	}
	assert_int_equal(actions.gave_up, POLICY_BIT(POLICY_AUDIO));
	assert_int_equal(actions.stop, 0);
	assert_false(policy.stopping);
	assert_int_equal(policy.state, STATUS_READY);
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
		POLICY_BIT(POLICY_PRE_SESSION));
	assert_int_equal(step(&policy, POLICY_IS_ABSENT, POLICY_PRE_SESSION, 100 * SEC).start,
		set_of(POLICY_DISPLAY, POLICY_BUS));
	assert_int_equal(policy.entries[POLICY_DISPLAY].relaunch.n_short, 0);
}

/* Ends all that was asked to end, at @now; returns what the last end led to. */
static struct policy_actions end_all(struct policy *policy, policy_set set, usec_t now)
{
	struct policy_actions actions = { 0 };

	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		if (set & POLICY_BIT(c))
			actions = step(policy, POLICY_HAS_ENDED, c, now);
	}
	return actions;
}

/* SUP-2, SUP-8, CONST-5: "logout restarts the desktop and picks up upgrades". */
static void test_by_the_contract_a_desktop_that_ended_well_ends_the_daemon_with_41(void **state)
{
	(void)state;
	static const struct {
		usec_t lasted;
		bool relaunches;
	} cases[] = { { 60 * SEC, true }, { 59 * SEC, false } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		usec_t now = cases[i].lasted;
		struct policy_actions actions;
		struct policy policy;

		bring_up_by(&policy, &policy_rules_contract);
		actions = step(&policy, POLICY_HAS_ENDED, POLICY_SESSION, now);
		assert_int_equal(actions.stop, POLICY_BIT(POLICY_HOST)
				| set_of(POLICY_DISPLAY, POLICY_BUS));
		actions = end_all(&policy, actions.stop, now);
		assert_int_equal(actions.finished, cases[i].relaunches);
		if (cases[i].relaunches)
			assert_int_equal(actions.exit_status, 41);
		else
			assert_int_equal(actions.start, POLICY_BIT(POLICY_PRE_SESSION));
	}
}

/* SUP-2: 41 means anew at once, so not for what would fail again. */
static void test_by_the_contract_a_bus_that_fails_is_no_reason_for_41_and_not_missed(void **state)
{
	(void)state;
	struct policy_actions actions;
	struct policy policy;
	usec_t now = 0;

	begin(&policy, &policy_rules_contract);
	for (int i = 0; i < 15; i++) {
		actions = step(&policy, POLICY_HAS_ENDED, POLICY_BUS, now);
		actions = end_all(&policy, actions.stop, now);
		assert_false(policy.stopping);
		now += 60 * SEC;
		step(&policy, POLICY_TICK, 0, now);
		step(&policy, POLICY_IS_ABSENT, POLICY_PRE_SESSION, now);
	}
	assert_int_equal(state_of(&policy, POLICY_BUS), COMPONENT_FAILED);
	actions = step(&policy, POLICY_IS_READY, POLICY_DISPLAY, now);
	assert_true(actions.start & POLICY_BIT(POLICY_SESSION));
}

/* SUP-7: whatever the server's end takes with it starts anew, and only the server is to blame. */
static void test_by_the_contract_the_end_of_the_display_ends_the_host_too(void **state)
{
	(void)state;
	struct policy_actions actions;
	struct policy policy;

	bring_up_by(&policy, &policy_rules_contract);
	actions = step(&policy, POLICY_HAS_ENDED, POLICY_DISPLAY, SEC);
	assert_int_equal(actions.stop,
		POLICY_BIT(POLICY_HOST) | set_of(POLICY_SESSION, POLICY_BUS));
	actions = end_all(&policy, actions.stop, SEC);
	assert_false(actions.finished);
	assert_int_equal(policy.entries[POLICY_DISPLAY].relaunch.n_short, 1);
	assert_int_equal(policy.entries[POLICY_SESSION].relaunch.n_short, 0);
	assert_int_equal(policy.entries[POLICY_HOST].relaunch.n_short, 0);
}

/* SUP-9, BLAME-1 */
static void test_by_the_contract_a_host_whose_display_is_dead_tears_all_down(void **state)
{
	(void)state;
	struct policy_event event = { POLICY_HAS_ENDED, POLICY_HOST, true };
	struct policy_actions actions;
	struct policy policy;

	bring_up_by(&policy, &policy_rules_contract);
	policy_step(&policy, &event, SEC, &actions);
	assert_int_equal(actions.stop,
		POLICY_BIT(POLICY_SESSION) | set_of(POLICY_DISPLAY, POLICY_BUS));
	end_all(&policy, actions.stop, SEC);
	assert_int_equal(policy.entries[POLICY_HOST].relaunch.n_short, 0);
	assert_int_equal(policy.entries[POLICY_DISPLAY].relaunch.n_short, 1);

	bring_up_by(&policy, &policy_rules_contract);
	event.blame_display = false;
	policy_step(&policy, &event, SEC, &actions);
	assert_int_equal(actions.stop, 0);
	assert_int_equal(policy.entries[POLICY_HOST].relaunch.n_short, 1);
	assert_int_equal(actions.wake, 5 * SEC);
}

/* BLAME-1: others that end after the first find a dead display, too. */
static void test_the_display_that_is_to_blame_is_counted_once_whoever_ends_meanwhile(void **state)
{
	(void)state;
	struct policy_event event = { POLICY_HAS_ENDED, POLICY_SESSION, true };
	struct policy_actions actions;
	struct policy policy;

	bring_up_by(&policy, &policy_rules_contract);
	policy_step(&policy, &event, SEC, &actions);
	event.component = POLICY_HOST;
	policy_step(&policy, &event, SEC, &actions);
	end_all(&policy, set_of(POLICY_DISPLAY, POLICY_BUS), SEC);
	assert_int_equal(policy.entries[POLICY_DISPLAY].relaunch.n_short, 1);
	assert_int_equal(policy.entries[POLICY_SESSION].relaunch.n_short, 0);
	assert_int_equal(policy.entries[POLICY_HOST].relaunch.n_short, 0);
}

/* SUP-10: a crash uploader is counted and touches nothing, until it is given up. */
static void test_the_crash_uploaders_end_touches_nothing_else(void **state)
{
	(void)state;
	struct policy_actions actions;
	struct policy policy;

	bring_up_by(&policy, &policy_rules_contract);
	policy.entries[POLICY_CRASH_UPLOADER].state = COMPONENT_WAITING;
	step(&policy, POLICY_TICK, 0, 0);
	actions = step(&policy, POLICY_HAS_ENDED, POLICY_CRASH_UPLOADER, SEC);
	assert_int_equal(actions.counted, POLICY_BIT(POLICY_CRASH_UPLOADER));
	assert_int_equal(actions.stop, 0);
}

/* D-21: an end that we asked for is no failure. */
static void test_a_restart_is_no_failure(void **state)
{
	(void)state;
	struct policy_actions actions;
	struct policy policy;

	bring_up_by(&policy, &policy_rules_contract);
	assert_int_equal(step(&policy, POLICY_RESTART, POLICY_HOST, SEC).stop,
		POLICY_BIT(POLICY_HOST));
	actions = step(&policy, POLICY_HAS_ENDED, POLICY_HOST, SEC);
	assert_int_equal(policy.entries[POLICY_HOST].relaunch.n_short, 0);
	assert_int_equal(actions.wake, 5 * SEC);
	assert_int_equal(step(&policy, POLICY_TICK, 0, 5 * SEC).start, POLICY_BIT(POLICY_HOST));
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

	policy_init(&policy, &policy_rules_own, &limits, 0, 0);
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

/* SUP-3, SUP-04, OFF-1: the same for the session by the contract, and then everything ends. */
static void test_a_session_given_up_ends_the_daemon_with_1(void **state)
{
	(void)state;
	static const unsigned at[] = { 0, 5, 10, 15, 20, 25, 85, 145, 205, 265, 325, 385, 445, 505,
		565 };
	struct policy_actions actions;
	struct policy policy;
	usec_t now = 0;

	policy_init(&policy, &policy_rules_contract, &limits, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		step(&policy, POLICY_TICK, 0, now);
		step(&policy, POLICY_IS_ABSENT, POLICY_PRE_SESSION, now);
		step(&policy, POLICY_IS_ABSENT, POLICY_BUS, now);
		step(&policy, POLICY_IS_READY, POLICY_DISPLAY, now);
		assert_int_equal(state_of(&policy, POLICY_SESSION), COMPONENT_STARTING);
		assert_int_equal(now, at[i] * SEC);
		step(&policy, POLICY_IS_ABSENT, POLICY_CRASH_UPLOADER, now);
		step(&policy, POLICY_IS_ABSENT, POLICY_AUDIO, now);
		step(&policy, POLICY_IS_READY, POLICY_HOST, now);
		actions = step(&policy, POLICY_HAS_ENDED, POLICY_SESSION, now);
		if (i + 1 < ARRAY_SIZE(at)) {
			end_all(&policy, actions.stop, now);
			/* Nothing of the desktop waits longer than the session, which leads. */
			now = policy.entries[POLICY_SESSION].next_try;
		}
	}
	assert_int_equal(actions.gave_up, POLICY_BIT(POLICY_SESSION));
	actions = end_all(&policy, actions.stop, now);
	assert_true(actions.finished);
	assert_int_equal(actions.exit_status, 1);
}

/* EXIT-1, EXIT-2 */
static void test_by_the_contract_a_hopeless_host_ends_the_daemon_with_0(void **state)
{
	(void)state;
	struct policy_actions actions;
	struct policy policy;

	bring_up_by(&policy, &policy_rules_contract);
	actions = step(&policy, POLICY_IS_HOPELESS, POLICY_HOST, SEC);
	assert_int_equal(actions.stop,
		POLICY_BIT(POLICY_SESSION) | set_of(POLICY_DISPLAY, POLICY_BUS));
	actions = end_all(&policy, actions.stop, SEC);
	assert_true(actions.finished);
	assert_int_equal(actions.exit_status, 0);
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

		policy_init(&policy, &policy_rules_own, &limits, 0, 0);
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
	assert_int_equal(actions.stop, set_of(POLICY_HOST, POLICY_SESSION)
			| set_of(POLICY_DISPLAY, POLICY_BUS));
	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		if (!policy_is_running(&policy, c))
			continue;
		assert_false(actions.finished);
		actions = step(&policy, POLICY_HAS_ENDED, c, 2 * SEC);
		assert_int_equal(actions.start, 0);
	}
	assert_true(actions.finished);
	assert_int_equal(actions.exit_status, 0);
}

/* D-1: a display that is only attached to. */
static void test_a_display_that_is_away_is_waited_for_without_a_count(void **state)
{
	(void)state;
	struct policy_actions actions;
	struct policy policy;

	policy_init(&policy, &policy_rules_own, &limits, 0, 0);
	policy_leave_out(&policy, POLICY_SESSION_PARTS | POLICY_BIT(POLICY_CRASH_UPLOADER));
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

	policy_init(&policy, &policy_rules_own, &limits, 0, 0);
	policy_leave_out(&policy, POLICY_SESSION_PARTS | POLICY_BIT(POLICY_CRASH_UPLOADER));
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
	const struct policy_rules *rules = policy->rules;

	if (policy->stopping)
		assert_int_equal(actions->start, 0);
	for (int c = 0; c < POLICY_N_COMPONENTS; c++) {
		if (!(actions->start & POLICY_BIT(c)))
			continue;
		for (int other = 0; other < POLICY_N_COMPONENTS; other++) {
			enum component_state state = state_of(policy, other);

			if (!(rules->of[c].after & POLICY_BIT(other)))
				continue;
			if (rules->of[other].optional)
				assert_true(state != COMPONENT_STARTING);
			else
				assert_true(state == COMPONENT_READY || state == COMPONENT_OFF);
		}
		/* Nothing of a new desktop beside what is left of the old one. */
		if (rules->desktop & POLICY_BIT(c)) {
			for (int other = 0; other < POLICY_N_COMPONENTS; other++)
				assert_false((rules->vital & POLICY_BIT(other))
					&& state_of(policy, other) == COMPONENT_STOPPING);
		}
	}
	assert_int_equal(actions->start & alive, 0);
	assert_int_equal(actions->stop & ~alive, 0);
	assert_int_equal(actions->finished, policy->stopping && !alive);
	if (actions->finished)
		assert_true(actions->exit_status == 0 || actions->exit_status == 1
			|| (actions->exit_status == 41 && rules->relaunches_itself));
}

struct walk {
	struct policy policy;
	policy_set alive;
	usec_t now;
};

static void walk_begin(struct walk *self, const struct policy_rules *rules)
{
	policy_init(&self->policy, rules, &limits, POLICY_BIT(POLICY_AUDIO), self->now);
	self->alive = 0;
}

static struct policy_event random_event(const struct walk *self, struct random *random)
{
	enum policy_component c = random_below(random, POLICY_N_COMPONENTS);
	struct policy_event event = { POLICY_TICK, c, false };
	bool alive = self->alive & POLICY_BIT(c);

	switch (random_below(random, 10)) {
	case 0:
	case 1:
	case 2:
		event.type = POLICY_IS_READY;
		break;
	case 3:
	case 4:
		if (alive)
			event.type = POLICY_HAS_ENDED;
		event.blame_display = random_below(random, 2);
		break;
	case 5:
		if (alive && state_of(&self->policy, c) == COMPONENT_STARTING)
			event.type = POLICY_IS_ABSENT;
		break;
	case 6:
		event.type = POLICY_IS_SETTLED;
		break;
	case 7:
		event.type = random_below(random, 500) ? POLICY_RESTART : POLICY_STOP;
		break;
	case 8:
		if (alive && !random_below(random, 200))
			event.type = POLICY_IS_HOPELESS;
		break;
	}
	return event;
}

static void walk_step(struct walk *self, struct random *random)
{
	struct policy_event event = random_event(self, random);
	policy_set bit = POLICY_BIT(event.component);
	struct policy_actions actions;

	if (random_below(random, 3))
		self->now += (usec_t)random_below(random, 90) * SEC;
	if (event.type == POLICY_HAS_ENDED || event.type == POLICY_IS_ABSENT
		|| event.type == POLICY_IS_HOPELESS)
		self->alive &= ~bit;
	/* A pre-session that is ready has run to its end. */
	if (event.type == POLICY_IS_READY && event.component == POLICY_PRE_SESSION
		&& state_of(&self->policy, POLICY_PRE_SESSION) == COMPONENT_STARTING)
		self->alive &= ~bit;
	policy_step(&self->policy, &event, self->now, &actions);
	assert_sane(&self->policy, &actions, self->alive);
	self->alive |= actions.start;
	if (actions.finished || self->policy.state == STATUS_FAILED)
		walk_begin(self, self->policy.rules);
}

#define N_ORDERS 1000000

/* SUP-3, SUP-4, INH-1..4; SUP-04 of the catalogue: a million orders of events, half by each rules. */
static void test_a_million_random_orders_of_events_break_no_rule(void **state)
{
	(void)state;
	static const struct policy_rules *const rules[] = { &policy_rules_own,
		&policy_rules_contract };
	struct random random = { 1 };
	struct walk walk = { 0 };

	for (int n = 0; n < N_ORDERS; n++) {
		walk_begin(&walk, rules[n % ARRAY_SIZE(rules)]);
		for (unsigned length = random_below(&random, 40); length > 0; length--)
			walk_step(&walk, &random);
	}
	/* And long ones, in which many failures come together. */
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		walk_begin(&walk, rules[i]);
		for (int n = 0; n < 500000; n++)
			walk_step(&walk, &random);
	}
}

/* SUP-10: nobody is to blame that a supervisor went away between a decision and its deed. */
static void test_after_a_takeover_what_was_not_started_is_started_and_what_is_lost_has_ended(
	void **state)
{
	(void)state;
	struct policy_actions actions;
	struct policy policy;

	bring_up(&policy);
	step(&policy, POLICY_HAS_ENDED, POLICY_HOST, SEC);
	step(&policy, POLICY_TICK, 0, 5 * SEC);
	assert_int_equal(state_of(&policy, POLICY_HOST), COMPONENT_STARTING);
	assert_int_equal(policy.entries[POLICY_HOST].n_starts, 2);
	assert_int_equal(policy_adopt(&policy, set_of(POLICY_DISPLAY, POLICY_BUS), 6 * SEC),
		POLICY_BIT(POLICY_SESSION));
	assert_int_equal(state_of(&policy, POLICY_HOST), COMPONENT_WAITING);
	assert_int_equal(policy.entries[POLICY_HOST].n_starts, 1);
	assert_int_equal(policy.entries[POLICY_HOST].relaunch.n_short, 1);
	actions = step(&policy, POLICY_HAS_ENDED, POLICY_SESSION, 6 * SEC);
	assert_int_equal(actions.start, POLICY_BIT(POLICY_HOST));
	assert_int_equal(actions.stop, set_of(POLICY_DISPLAY, POLICY_BUS));
	/* All of it was on its way out. */
	assert_int_equal(policy_adopt(&policy, POLICY_BIT(POLICY_HOST), 7 * SEC),
		set_of(POLICY_DISPLAY, POLICY_BUS));
	step(&policy, POLICY_HAS_ENDED, POLICY_DISPLAY, 7 * SEC);
	step(&policy, POLICY_HAS_ENDED, POLICY_BUS, 7 * SEC);
	assert_false(policy.ending);
	/* What has a process goes on. */
	assert_int_equal(policy_adopt(&policy, ~0U, 8 * SEC), 0);
	assert_int_equal(state_of(&policy, POLICY_HOST), COMPONENT_STARTING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_after_a_takeover_what_was_not_started_is_started_and_what_is_lost_has_ended),
		cmocka_unit_test(test_host_display_and_bus_start_together_and_the_session_after_them),
		cmocka_unit_test(test_by_the_contract_the_host_starts_behind_the_session),
		cmocka_unit_test(test_a_session_does_without_a_bus_that_is_absent_or_fails),
		cmocka_unit_test(test_a_bus_that_fails_at_its_start_ends_nothing),
		cmocka_unit_test(test_a_pre_session_comes_first_and_its_failure_is_the_sessions),
		cmocka_unit_test(test_every_desktop_has_its_pre_session),
		cmocka_unit_test(test_sound_keeps_nobody_waiting_but_for_what_it_will_be_called),
		cmocka_unit_test(test_sound_that_always_fails_is_given_up_and_nothing_else),
		cmocka_unit_test(test_the_hosts_death_touches_nothing_else),
		cmocka_unit_test(test_the_desktop_ends_as_a_whole_and_starts_when_all_of_it_has_ended),
		cmocka_unit_test(test_by_the_contract_a_desktop_that_ended_well_ends_the_daemon_with_41),
		cmocka_unit_test(
			test_by_the_contract_a_bus_that_fails_is_no_reason_for_41_and_not_missed),
		cmocka_unit_test(test_by_the_contract_the_end_of_the_display_ends_the_host_too),
		cmocka_unit_test(test_by_the_contract_a_host_whose_display_is_dead_tears_all_down),
		cmocka_unit_test(test_the_display_that_is_to_blame_is_counted_once_whoever_ends_meanwhile),
		cmocka_unit_test(test_the_crash_uploaders_end_touches_nothing_else),
		cmocka_unit_test(test_a_restart_is_no_failure),
		cmocka_unit_test(test_a_session_whose_display_died_is_not_to_blame),
		cmocka_unit_test(test_a_failing_host_is_started_exactly_as_the_contract_says),
		cmocka_unit_test(test_a_session_given_up_ends_the_daemon_with_1),
		cmocka_unit_test(test_by_the_contract_a_hopeless_host_ends_the_daemon_with_0),
		cmocka_unit_test(test_a_run_of_a_minute_clears_the_count_and_one_short_of_it_does_not),
		cmocka_unit_test(test_one_that_says_it_is_hopeless_is_not_tried_again),
		cmocka_unit_test(test_stop_asks_all_at_once_and_finishes_with_the_last),
		cmocka_unit_test(test_a_display_that_is_away_is_waited_for_without_a_count),
		cmocka_unit_test(test_a_stop_waits_for_no_display_that_is_away),
		cmocka_unit_test(test_a_million_random_orders_of_events_break_no_rule),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
