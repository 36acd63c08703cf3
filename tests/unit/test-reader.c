/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/reader.h"

#include "unit/test.h"

static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 0xff };

static void test_integers_are_little_endian(void **state)
{
	(void)state;
	struct reader reader;

	reader_init(&reader, bytes, sizeof(bytes));
	assert_int_equal(reader_u8(&reader), 1);
	assert_int_equal(reader_u16(&reader), 0x0302);
	assert_int_equal(reader_u32(&reader), 0xff060504);
	assert_true(reader_done(&reader));
}

static void test_a_short_read_fails_for_good_and_gives_zeroes(void **state)
{
	(void)state;
	struct reader reader;

	reader_init(&reader, bytes, 3);
	assert_int_equal(reader_u16(&reader), 0x0201);
	assert_int_equal(reader_u32(&reader), 0);
	assert_true(reader.failed);
	assert_int_equal(reader_u8(&reader), 0); /* though one byte was left before */
	assert_null(reader_bytes(&reader, 0));
	assert_int_equal(reader_left(&reader), 0);
	assert_false(reader_done(&reader));
}

static void test_what_is_left_over_is_not_done(void **state)
{
	(void)state;
	struct reader reader;

	reader_init(&reader, bytes, 2);
	reader_u8(&reader);
	assert_false(reader.failed);
	assert_false(reader_done(&reader));
	assert_int_equal(reader_left(&reader), 1);
}

static void test_a_length_that_would_wrap_reads_nothing(void **state)
{
	(void)state;
	struct reader reader;

	reader_init(&reader, bytes, sizeof(bytes));
	assert_null(reader_bytes(&reader, SIZE_MAX));
	assert_true(reader.failed);
}

static void test_nothing_at_all_can_be_read_in_full(void **state)
{
	(void)state;
	struct reader reader;

	reader_init(&reader, bytes, 0);
	assert_true(reader_done(&reader));
	reader_u8(&reader);
	assert_false(reader_done(&reader));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers_are_little_endian),
		cmocka_unit_test(test_a_short_read_fails_for_good_and_gives_zeroes),
		cmocka_unit_test(test_what_is_left_over_is_not_done),
		cmocka_unit_test(test_a_length_that_would_wrap_reads_nothing),
		cmocka_unit_test(test_nothing_at_all_can_be_read_in_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
