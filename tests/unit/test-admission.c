/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/transport/admission.h"

#include <arpa/inet.h>

#include "base/mem.h"
#include "base/str.h"
#include "unit/test.h"

static struct sockaddr_in6 address(const char *text)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_in four = { .sin_family = AF_INET };

	if (inet_pton(AF_INET6, text, &six.sin6_addr) != 1) {
		assert_int_equal(inet_pton(AF_INET, text, &four.sin_addr), 1);
		six = (struct sockaddr_in6){ 0 };
		memcpy(&six, &four, sizeof(four));
	}
	return six;
}

static uint64_t source(const char *text)
{
	const struct sockaddr_in6 a = address(text);

	return admission_source(&a);
}

static void test_a_source_is_an_ipv4_address_an_ipv6_network_or_all_of_loopback(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{ "127.0.0.1", "127.9.9.9", true },
		{ "127.0.0.1", "::1", true },
		{ "127.0.0.1", "::ffff:127.0.0.1", true },
		{ "10.0.0.1", "::ffff:10.0.0.1", true },
		{ "10.0.0.1", "10.0.0.2", false },
		{ "10.0.0.1", "127.0.0.1", false },
		{ "2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true },
		{ "2001:db8:0:1::1", "2001:db8:0:2::1", false },
		{ "2001:db8::1", "::1", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(source(cases[i].a) == source(cases[i].b), cases[i].same);
}

static void test_addresses_are_shown_without_mapping(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{ "127.0.0.1", "127.0.0.1" },
		{ "::ffff:10.0.0.1", "10.0.0.1" },
		{ "::1", "::1" },
		{ "2001:db8::5", "2001:db8::5" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct sockaddr_in6 a = address(cases[i][0]);
		char text[64];

		admission_source_text(&a, text, sizeof(text));
		assert_string_equal(text, cases[i][1]);
	}
}

static void test_loopback_is_held_to_the_total_only(void **state)
{
	(void)state;
	struct admission admission;
	struct visitor visitors[ADMISSION_MAX + 1];
	uint64_t here = source("127.0.0.1");

	admission_init(&admission);
	for (unsigned i = 0; i < ADMISSION_MAX; i++) {
		assert_null(admission_victim(&admission, here));
		admission_enter(&admission, &visitors[i], here, i);
	}
	assert_ptr_equal(admission_victim(&admission, here), &visitors[0]);
	admission_leave(&admission, &visitors[7]);
	admission_leave(&admission, &visitors[7]);
	assert_int_equal(admission.n, ADMISSION_MAX - 1);
	assert_null(admission_victim(&admission, here));
}

static void test_another_source_is_held_to_its_share_and_pays_for_itself(void **state)
{
	(void)state;
	struct admission admission;
	struct visitor mine, visitors[ADMISSION_SOURCE_MAX];
	uint64_t flood = source("10.0.0.1");

	admission_init(&admission);
	admission_enter(&admission, &mine, source("10.0.0.2"), 0);
	for (unsigned i = 0; i < ADMISSION_SOURCE_MAX; i++) {
		assert_null(admission_victim(&admission, flood));
		admission_enter(&admission, &visitors[i], flood, 1);
	}
	assert_ptr_equal(admission_victim(&admission, flood), &visitors[0]);
	assert_null(admission_victim(&admission, source("10.0.0.3")));
}

static void test_the_least_advanced_goes_first_and_among_equals_the_oldest(void **state)
{
	(void)state;
	static const enum visitor_stage stages[] = {
		VISITOR_UPGRADED, VISITOR_ASKING, VISITOR_IDLE, VISITOR_SILENT, VISITOR_SILENT
	};
	static const unsigned order[] = { 3, 4, 2, 1, 0 };
	struct admission admission;
	struct visitor visitors[ARRAY_SIZE(stages)];

	admission_init(&admission);
	for (unsigned i = 0; i < ARRAY_SIZE(stages); i++) {
		admission_enter(&admission, &visitors[i], 0, i);
		visitors[i].stage = stages[i];
	}
	for (unsigned i = 0; i < ARRAY_SIZE(order); i++) {
		assert_ptr_equal(admission_any_victim(&admission), &visitors[order[i]]);
		admission_leave(&admission, &visitors[order[i]]);
	}
	assert_null(admission_any_victim(&admission));
}

static void test_a_visitor_is_late_ten_seconds_after_it_came(void **state)
{
	(void)state;
	struct admission admission;
	struct visitor first, second;

	admission_init(&admission);
	assert_int_equal(admission_deadline(&admission), USEC_NEVER);
	admission_enter(&admission, &first, 0, 5 * USEC_PER_SEC);
	admission_enter(&admission, &second, 0, 6 * USEC_PER_SEC);
	assert_int_equal(admission_deadline(&admission), 15 * USEC_PER_SEC);
	assert_null(admission_late(&admission, 15 * USEC_PER_SEC - 1));
	assert_ptr_equal(admission_late(&admission, 15 * USEC_PER_SEC), &first);
	first.deadline = USEC_NEVER;
	assert_int_equal(admission_deadline(&admission), 16 * USEC_PER_SEC);
	admission_leave(&admission, &second);
	assert_int_equal(admission_deadline(&admission), USEC_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_a_source_is_an_ipv4_address_an_ipv6_network_or_all_of_loopback),
		cmocka_unit_test(test_addresses_are_shown_without_mapping),
		cmocka_unit_test(test_loopback_is_held_to_the_total_only),
		cmocka_unit_test(test_another_source_is_held_to_its_share_and_pays_for_itself),
		cmocka_unit_test(test_the_least_advanced_goes_first_and_among_equals_the_oldest),
		cmocka_unit_test(test_a_visitor_is_late_ten_seconds_after_it_came),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
