/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/batch.h"

#include <string.h>

#include "unit/test.h"

static void add(struct batch *batch, char what, size_t n, enum batch_kind kind)
{
	uint8_t *room = batch_room(batch, 2 * n); /* more than is used */

	assert_non_null(room);
	memset(room, what, n);
	assert_int_equal(batch_add(batch, n, kind), 0);
}

static void test_neighbours_of_one_kind_are_one_run(void **state)
{
	struct batch batch = { 0 };

	(void)state;
	add(&batch, 'a', 3, BATCH_PLAIN);
	add(&batch, 'b', 2, BATCH_PLAIN);
	add(&batch, 'c', 4, BATCH_NOISY);
	add(&batch, 'd', 1, BATCH_PLAIN);
	assert_int_equal(batch.n, 10);
	assert_memory_equal(batch.bytes, "aaabbccccd", 10);
	assert_int_equal(batch.n_runs, 3);
	assert_int_equal(batch.runs[0].n, 5);
	assert_int_equal(batch.runs[1].n, 4);
	assert_int_equal(batch.runs[1].kind, BATCH_NOISY);
	assert_int_equal(batch.runs[2].n, 1);
	assert_int_equal(batch.n_of[BATCH_PLAIN], 6);
	assert_int_equal(batch.n_of[BATCH_NOISY], 4);
	batch_finish(&batch);
}

static void test_it_grows_and_keeps_what_it_has(void **state)
{
	struct batch batch = { 0 };
	size_t n = 0;

	(void)state;
	for (size_t i = 1; i < 500; i++) {
		add(&batch, (char)i, i, (enum batch_kind)(i % 2));
		n += i;
	}
	assert_int_equal(batch.n, n);
	assert_int_equal(batch.n_runs, 499);
	for (size_t i = 1, at = 0; i < 500; at += i++)
		assert_int_equal(batch.bytes[at], (uint8_t)i);
	batch_finish(&batch);
}

static void test_memory_is_kept_unless_it_is_much(void **state)
{
	struct batch batch = { 0 };
	uint8_t *bytes;

	(void)state;
	add(&batch, 'a', 100, BATCH_PLAIN);
	bytes = batch.bytes;
	batch_clear(&batch);
	batch_trim(&batch);
	assert_int_equal(batch.n, 0);
	assert_int_equal(batch.n_of[BATCH_PLAIN], 0);
	assert_ptr_equal(batch_room(&batch, 100), bytes);

	add(&batch, 'a', BATCH_KEPT, BATCH_PLAIN);
	batch_trim(&batch); /* in use */
	assert_int_equal(batch.n, BATCH_KEPT);
	batch_clear(&batch);
	batch_trim(&batch);
	assert_null(batch.bytes);
	add(&batch, 'b', 1, BATCH_NOISY);
	assert_int_equal(batch.n, 1);
	batch_finish(&batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_neighbours_of_one_kind_are_one_run),
		cmocka_unit_test(test_it_grows_and_keeps_what_it_has),
		cmocka_unit_test(test_memory_is_kept_unless_it_is_much),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
