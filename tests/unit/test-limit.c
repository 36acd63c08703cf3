/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop/limit.h"

#include <stdbool.h>
#include <unistd.h>

#include "base/mem.h"
#include "unit/test.h"

struct fixture {
	sd_event *event;
	struct limit limit;
	usec_t began, passed; /* clock; 0: not yet */
	bool again;
};

static void handle_passed(void *data);

static void start(struct fixture *f, usec_t time)
{
	f->passed = 0;
	f->began = clock_now();
	assert_true(limit_start(&f->limit, f->event, time, handle_passed, f) >= 0);
}

static void handle_passed(void *data)
{
	struct fixture *f = data;
	usec_t began = f->began;

	assert_int_equal(f->passed, 0);
	assert_null(f->limit.timer);
	if (f->again) {
		f->again = false;
		start(f, 50 * USEC_PER_MSEC);
		f->began = began;
		return;
	}
	f->passed = clock_now();
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	assert_int_equal(sd_event_new(&f->event), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	limit_stop(&f->limit);
	sd_event_unref(f->event);
	free(f);
	return 0;
}

/* How long it took, in the end. */
static usec_t run_until_passed(struct fixture *f)
{
	while (!f->passed) {
		assert_true(clock_now() < f->began + 10 * USEC_PER_SEC);
		assert_true(sd_event_run(f->event, 100 * USEC_PER_MSEC) >= 0);
	}
	return f->passed - f->began;
}

static void test_it_passes_once_when_its_time_is_over(void **state)
{
	static const usec_t times[] = { 0, 50 * USEC_PER_MSEC, 1200 * USEC_PER_MSEC };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		start(f, times[i]);
		assert_true(run_until_passed(f) >= times[i]);
		assert_int_equal(sd_event_run(f->event, 20 * USEC_PER_MSEC), 0);
	}
}

static void test_one_that_was_stopped_never_passes(void **state)
{
	struct fixture *f = *state;

	start(f, 30 * USEC_PER_MSEC);
	limit_stop(&f->limit);
	limit_stop(&f->limit);
	assert_int_equal(sd_event_run(f->event, 60 * USEC_PER_MSEC), 0);
	assert_int_equal(f->passed, 0);
}

static void test_it_may_be_started_again_from_within(void **state)
{
	struct fixture *f = *state;

	f->again = true;
	start(f, 50 * USEC_PER_MSEC);
	assert_true(run_until_passed(f) >= 100 * USEC_PER_MSEC);
}

/* SUP-07: as a SIGSTOP that is followed by SIGCONT, in whatever part of the time it falls. */
static void test_time_in_which_we_did_not_run_does_not_count(void **state)
{
	static const usec_t before[] = { 0, 1100 * USEC_PER_MSEC };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
		usec_t time = 1500 * USEC_PER_MSEC, woken;

		start(f, time);
		while (clock_now() < f->began + before[i])
			assert_true(sd_event_run(f->event, 10 * USEC_PER_MSEC) >= 0);
		usleep(1700 * USEC_PER_MSEC); /* the loop is what is kept from running */
		woken = clock_now();
		run_until_passed(f);
		assert_true(f->passed - woken >= time - 1);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_it_passes_once_when_its_time_is_over),
		TEST(test_one_that_was_stopped_never_passes),
		TEST(test_it_may_be_started_again_from_within),
		TEST(test_time_in_which_we_did_not_run_does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
