/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/twin.h"

#include <string.h>

#include "base/mem.h"
#include "unit/random.h"
#include "unit/test.h"

#define NOW (100 * USEC_PER_SEC)

static void test_a_key_is_good_once_and_for_a_while(void **state)
{
	struct twin twin = { 0 };
	uint8_t first[STREAM_TWIN_KEY_SIZE], wrong[STREAM_TWIN_KEY_SIZE] = { 0 };

	(void)state;
	assert_false(twin_use_key(&twin, wrong, NOW)); /* none was made */
	assert_true(twin_wants_key(&twin, NOW));
	assert_int_equal(twin_make_key(&twin, NOW), 0);
	memcpy(first, twin.key, sizeof(first));
	memcpy(wrong, first, sizeof(wrong));
	wrong[sizeof(wrong) - 1] ^= 1;
	assert_false(twin_use_key(&twin, wrong, NOW + 1));
	assert_false(twin_use_key(&twin, first, NOW + TWIN_KEY_USEC));
	assert_true(twin_use_key(&twin, first, NOW + TWIN_KEY_USEC - 1));
	assert_false(twin_use_key(&twin, first, NOW + TWIN_KEY_USEC - 1));
	assert_false(twin_wants_key(&twin, NOW + TWIN_KEY_USEC - 1));
	assert_true(twin_wants_key(&twin, NOW + TWIN_KEY_USEC));
	assert_int_equal(twin_make_key(&twin, NOW + TWIN_KEY_USEC), 0);
	assert_memory_not_equal(twin.key, first, sizeof(first));
	assert_true(twin_use_key(&twin, twin.key, NOW + TWIN_KEY_USEC));
}

static void test_the_first_of_two_equal_inputs_counts(void **state)
{
	struct twin twin = { 0 };

	(void)state;
	assert_true(twin_take(&twin, TWIN_FIRST)); /* 1 */
	twin_begin(&twin, 1);
	assert_true(twin_take(&twin, TWIN_SECOND)); /* 2 */
	assert_true(twin_take(&twin, TWIN_SECOND)); /* 3 */
	assert_false(twin_take(&twin, TWIN_FIRST)); /* 2 */
	assert_false(twin_take(&twin, TWIN_FIRST)); /* 3 */
	assert_true(twin_take(&twin, TWIN_FIRST)); /* 4 */
	assert_false(twin_take(&twin, TWIN_SECOND)); /* 4 */
	assert_true(twin_take(&twin, TWIN_SECOND)); /* 5 */
}

static void test_what_the_second_way_lacks_is_waited_for(void **state)
{
	struct twin twin = { 0 };

	(void)state;
	twin_begin(&twin, 2); /* which are still on the first way */
	assert_false(twin_take(&twin, TWIN_SECOND)); /* 3 */
	assert_true(twin_take(&twin, TWIN_FIRST)); /* 1 */
	assert_false(twin_take(&twin, TWIN_SECOND)); /* 4 */
	assert_true(twin_take(&twin, TWIN_FIRST)); /* 2 */
	assert_true(twin_take(&twin, TWIN_FIRST)); /* 3 */
	assert_true(twin_take(&twin, TWIN_FIRST)); /* 4 */
	assert_true(twin_take(&twin, TWIN_SECOND)); /* 5 */
}

/* Whoever claims more than there were has a second way for nothing. */
static void test_a_second_way_that_is_ahead_does_nothing(void **state)
{
	struct twin twin = { 0 };

	(void)state;
	twin_begin(&twin, 1000);
	for (unsigned i = 0; i < 10; i++) {
		assert_true(twin_take(&twin, TWIN_FIRST));
		assert_false(twin_take(&twin, TWIN_SECOND));
	}
	assert_int_equal(twin.n_done, 10);
}

/* Whichever is how much faster: each is done once, and in order, also across the end of numbers. */
static void test_each_input_is_done_once_and_in_order(void **state)
{
	static const uint32_t starts[] = { 0, UINT32_MAX - 50 };
	struct random random = { 7 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		uint32_t start = starts[i], n = 200;
		struct twin twin = { .n_done = start, .n_came = { start, start } };

		while (twin.n_came[TWIN_FIRST] - start < n) {
			enum twin_way way =
				random_below(&random, 2) || twin.n_came[TWIN_SECOND] - start == n
					? TWIN_FIRST
					: TWIN_SECOND;
			uint32_t number = twin.n_came[way] + 1, done = twin.n_done;
			bool is_next = number == done + 1;

			assert_int_equal(twin_take(&twin, way), is_next);
			assert_int_equal(twin.n_done, is_next ? number : done);
		}
		assert_int_equal(twin.n_done - start, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_key_is_good_once_and_for_a_while),
		cmocka_unit_test(test_the_first_of_two_equal_inputs_counts),
		cmocka_unit_test(test_what_the_second_way_lacks_is_waited_for),
		cmocka_unit_test(test_a_second_way_that_is_ahead_does_nothing),
		cmocka_unit_test(test_each_input_is_done_once_and_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
