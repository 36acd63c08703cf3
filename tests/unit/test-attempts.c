/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/attempts.h"

#include <stdio.h>

#include "unit/test.h"

#define SEC USEC_PER_SEC

/* How many of one try a second from @n_sources sources in turn are let through. */
static unsigned count(struct attempts *attempts, unsigned n_sources, usec_t from, usec_t until)
{
	unsigned n = 0, i = 0;

	for (usec_t now = from; now < until; now += SEC / 4) {
		char source[32];
		usec_t wait;

		snprintf(source, sizeof(source), "127.0.1.%u", i++ % n_sources);
		n += attempts_take(attempts, source, now, &wait);
	}
	return n;
}

static void test_one_source_gets_a_burst_and_then_one_a_minute(void **state)
{
	(void)state;
	static struct attempts attempts;

	attempts_init(&attempts, 0);
	assert_in_range(count(&attempts, 1, 0, 60 * SEC), 5, 10);
	assert_in_range(count(&attempts, 1, 60 * SEC, 3600 * SEC), 20, 52);
	assert_in_range(count(&attempts, 1, 3600 * SEC, 7200 * SEC), 20, 60);
}

static void test_many_sources_share_a_burst_of_20_and_then_one_a_second(void **state)
{
	(void)state;
	static struct attempts attempts;

	attempts_init(&attempts, 0);
	assert_in_range(count(&attempts, 240, 0, 60 * SEC), 20, 20 + 60);
	assert_in_range(count(&attempts, 240, 60 * SEC, 120 * SEC), 1, 61);
}

static void test_a_refusal_says_when_the_next_try_is_let_through(void **state)
{
	(void)state;
	static struct attempts attempts;
	usec_t now = 0, wait = 0;

	attempts_init(&attempts, 0);
	while (attempts_take(&attempts, "::1", now, &wait))
		now += SEC;
	assert_true(wait > 0);
	assert_false(attempts_take(&attempts, "::1", now + wait - 1, &(usec_t){ 0 }));
	assert_true(attempts_take(&attempts, "::1", now + wait, &wait));
}

static void test_the_right_pin_forgives_that_source_alone(void **state)
{
	(void)state;
	static struct attempts attempts;
	usec_t now = 0, wait;

	attempts_init(&attempts, 0);
	while (attempts_take(&attempts, "10.0.0.1", now, &wait))
		now += SEC;
	while (attempts_take(&attempts, "10.0.0.2", now, &wait))
		now += SEC;
	attempts_forgive(&attempts, "10.0.0.1", now);
	assert_true(attempts_take(&attempts, "10.0.0.1", now + 5 * SEC, &wait));
	assert_false(attempts_take(&attempts, "10.0.0.2", now + 5 * SEC, &wait));
}

static void test_more_sources_than_fit_push_out_the_one_idle_for_longest(void **state)
{
	(void)state;
	static struct attempts attempts;
	char source[32];
	usec_t now = 0, wait;

	attempts_init(&attempts, 0);
	for (unsigned i = 0; i < 2 * ATTEMPTS_N_SOURCES; i++) {
		snprintf(source, sizeof(source), "10.1.%u.%u", i / 256, i % 256);
		now += 2 * SEC;
		assert_true(attempts_take(&attempts, source, now, &wait));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_source_gets_a_burst_and_then_one_a_minute),
		cmocka_unit_test(test_many_sources_share_a_burst_of_20_and_then_one_a_second),
		cmocka_unit_test(test_a_refusal_says_when_the_next_try_is_let_through),
		cmocka_unit_test(test_the_right_pin_forgives_that_source_alone),
		cmocka_unit_test(test_more_sources_than_fit_push_out_the_one_idle_for_longest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
