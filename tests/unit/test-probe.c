/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/transport/probe.h"

#include "unit/test.h"

static const usec_t start = 1000 * USEC_PER_SEC;

static void test_without_a_loss_nothing_is_sent(void **state)
{
	const struct probe_link link = { .round_trip = 200 * USEC_PER_MSEC, .n_unacked = 1 };
	struct probe probe = { 0 };

	(void)state;
	for (usec_t i = 0; i < 100; i++)
		assert_int_equal(probe_next(&probe, &link, start + i * USEC_PER_SEC), USEC_NEVER);
}

/* NET-01 */
static void test_after_a_loss_a_quarter_of_a_round_trip_later(void **state)
{
	struct probe_link link = { .round_trip = 200 * USEC_PER_MSEC, .n_lost = 1 };
	usec_t last = start + 10 * USEC_PER_SEC;
	struct probe probe = { 0 };

	(void)state;
	assert_int_equal(probe_next(&probe, &link, start), start + 50 * USEC_PER_MSEC);
	link.n_lost = 3;
	assert_int_equal(probe_next(&probe, &link, last), last + 50 * USEC_PER_MSEC);
	last += PROBE_MEMORY_USEC;
	assert_int_equal(probe_next(&probe, &link, last), last + 50 * USEC_PER_MSEC);
	assert_int_equal(probe_next(&probe, &link, last + 1), USEC_NEVER);
}

static void test_over_a_short_way_tcp_is_quick_enough(void **state)
{
	struct probe_link link = { .round_trip = PROBE_LONG_USEC - 1, .n_lost = 1 };
	struct probe probe = { 0 };

	(void)state;
	assert_int_equal(probe_next(&probe, &link, start), USEC_NEVER);
	link.round_trip++;
	assert_int_equal(probe_next(&probe, &link, start), start + PROBE_LONG_USEC / 4);
}

static void handle_due(void *data)
{
	++*(unsigned *)data;
}

/* No socket, no TCP: nothing happens. */
static void test_what_the_kernel_does_not_tell_is_no_reason(void **state)
{
	struct probe probe;
	unsigned n = 0;

	(void)state;
	probe_init(&probe, NULL, -1, handle_due, &n);
	probe_sent(&probe);
	assert_null(probe.timer);
	assert_int_equal(n, 0);
	probe_finish(&probe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_a_loss_nothing_is_sent),
		cmocka_unit_test(test_after_a_loss_a_quarter_of_a_round_trip_later),
		cmocka_unit_test(test_over_a_short_way_tcp_is_quick_enough),
		cmocka_unit_test(test_what_the_kernel_does_not_tell_is_no_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
