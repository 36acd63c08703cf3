/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/stages.h"

#include <string.h>

#include "base/mem.h"
#include "unit/test.h"

#define START (100 * USEC_PER_SEC)

struct fixture {
	struct stages stages;
	struct stages_frame frame;
	usec_t now;
	struct stream_times times;
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	f->now = START;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

/* Each takes so long; then it is done. */
static void input(struct fixture *f, usec_t within, uint32_t sequence)
{
	assert_true(stages_want_input(&f->stages));
	stages_input(&f->stages, f->now, within, sequence);
}

static void had(struct fixture *f, usec_t after)
{
	f->now += after;
	stages_input_had(&f->stages, f->now);
}

static void damage(struct fixture *f, usec_t after, uint32_t sequence)
{
	f->now += after;
	stages_damage(&f->stages, sequence, f->now);
}

static void asked(struct fixture *f, usec_t after)
{
	f->now += after;
	stages_asked(&f->stages, f->now);
}

static void analysed(struct fixture *f, usec_t capture, usec_t analyse, bool changed)
{
	f->now += capture;
	stages_came(&f->stages, f->now);
	f->now += analyse;
	stages_analysed(&f->stages, changed, f->now);
	if (changed)
		stages_frame_add(&f->frame, &f->stages.ready);
}

static void encoded(struct fixture *f, usec_t wait, usec_t encode)
{
	f->now += wait;
	stages_frame_encoded(&f->frame, f->now, f->now + encode);
	f->now += encode;
}

static void ended(struct fixture *f, usec_t after)
{
	f->now += after;
	stages_frame_end(&f->frame, false, f->now, &f->times);
}

static void assert_times(const struct fixture *f, unsigned input_, unsigned application,
	unsigned damage_, unsigned capture, unsigned analyse, unsigned encode, unsigned queue)
{
	assert_int_equal(f->times.input, input_);
	assert_int_equal(f->times.application, application);
	assert_int_equal(f->times.damage, damage_);
	assert_int_equal(f->times.capture, capture);
	assert_int_equal(f->times.analyse, analyse);
	assert_int_equal(f->times.encode, encode);
	assert_int_equal(f->times.queue, queue);
}

/* A whole frame of what is damaged now. */
static void finish_frame(struct fixture *f)
{
	asked(f, 10);
	analysed(f, 10, 10, true);
	encoded(f, 0, 10);
	ended(f, 0);
}

static void test_a_key_is_followed_to_the_last_byte_of_its_frame(void **state)
{
	struct fixture *f = *state;

	input(f, STAGES_KEY_USEC, 7);
	had(f, 100);
	damage(f, 2000, 8);
	asked(f, 30);
	analysed(f, 400, 50, true);
	encoded(f, 600, 700);
	ended(f, 80);
	assert_times(f, 10, 200, 3, 40, 5, 70, 68);
	assert_int_equal(f->now - START, 3960);
}

static void test_without_an_input_only_the_picture_has_times(void **state)
{
	struct fixture *f = *state;

	damage(f, 0, 1);
	asked(f, 20);
	analysed(f, 30, 40, true);
	encoded(f, 0, 50);
	ended(f, 0);
	assert_times(f, 0, 0, 2, 3, 4, 5, 1);
}

static void test_a_first_picture_was_never_damaged(void **state)
{
	struct fixture *f = *state;

	encoded(f, 0, 500);
	encoded(f, 250, 500);
	ended(f, 0);
	assert_times(f, 0, 0, 0, 0, 0, 100, 25);
}

static void test_damage_from_before_the_input_is_not_its_own(void **state)
{
	struct fixture *f = *state;

	input(f, STAGES_KEY_USEC, 7);
	damage(f, 10, 6);
	finish_frame(f);
	assert_int_equal(f->times.input, 0);
	had(f, 10);
	damage(f, 10, 6); /* read late, drawn before */
	finish_frame(f);
	assert_int_equal(f->times.input, 0);
	damage(f, 10, 7);
	finish_frame(f);
	assert_int_not_equal(f->times.input, 0);
}

static void test_an_answer_may_be_read_after_the_damage(void **state)
{
	struct fixture *f = *state;

	input(f, STAGES_KEY_USEC, 7);
	damage(f, 300, 7);
	assert_false(stages_want_input(&f->stages));
	stages_input_had(&f->stages, f->now);
	assert_true(stages_want_input(&f->stages));
	asked(f, 10);
	damage(f, 0, 8); /* what comes after that is not its first any more */
	analysed(f, 10, 10, true);
	encoded(f, 0, 10);
	ended(f, 0);
	assert_int_equal(f->times.input, 30);
	assert_int_equal(f->times.application, 1);
	finish_frame(f);
	assert_int_equal(f->times.input, 0);
}

static void test_an_input_has_one_damage_only_and_soon(void **state)
{
	struct fixture *f = *state;
	static const struct {
		usec_t within, after;
		bool counts;
	} cases[] = {
		{ STAGES_KEY_USEC, STAGES_KEY_USEC, true },
		{ STAGES_KEY_USEC, STAGES_KEY_USEC + 1, false },
		{ STAGES_MOTION_USEC, STAGES_MOTION_USEC, true },
		{ STAGES_MOTION_USEC, STAGES_MOTION_USEC + 1, false },
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(cases); i++) {
		input(f, cases[i].within, i);
		had(f, 10);
		damage(f, cases[i].after, i);
		finish_frame(f);
		assert_int_equal(f->times.input, cases[i].counts ? 1 : 0);
		assert_int_equal(f->times.application != 0, cases[i].counts);
		damage(f, 10, i);
		finish_frame(f);
		assert_int_equal(f->times.input, 0);
	}
}

static void test_damage_that_changes_no_pixel_is_not_the_first(void **state)
{
	struct fixture *f = *state;

	input(f, STAGES_KEY_USEC, 7);
	had(f, 10);
	damage(f, 100, 7);
	asked(f, 0);
	analysed(f, 50, 50, false);
	damage(f, 800, 7);
	finish_frame(f);
	assert_int_equal(f->times.input, 1);
	assert_int_equal(f->times.application, 100);
}

static void test_the_newest_input_counts_and_none_while_one_is_on_its_way(void **state)
{
	struct fixture *f = *state;

	input(f, STAGES_KEY_USEC, 7);
	assert_false(stages_want_input(&f->stages));
	had(f, 5000);
	f->now += 20000;
	input(f, STAGES_KEY_USEC, 8);
	had(f, 100);
	damage(f, 1000, 8);
	finish_frame(f);
	assert_int_equal(f->times.input, 10);
	assert_int_equal(f->times.application, 100);
}

static void test_damage_before_the_newest_input_is_of_the_one_before(void **state)
{
	struct fixture *f = *state;

	input(f, STAGES_KEY_USEC, 7);
	had(f, 100);
	f->now += 500;
	input(f, STAGES_KEY_USEC, 8);
	damage(f, 500, 7);
	finish_frame(f);
	assert_int_equal(f->times.input, 10);
	assert_int_equal(f->times.application, 100);
	had(f, 10);
	damage(f, 100, 8);
	finish_frame(f);
	assert_int_not_equal(f->times.input, 0);
}

static void test_of_several_in_one_frame_one_with_an_input_counts_and_else_the_oldest(
	void **state)
{
	struct fixture *f = *state;

	damage(f, 0, 1);
	asked(f, 10);
	analysed(f, 10, 10, true);
	damage(f, 10, 1);
	asked(f, 90);
	analysed(f, 10, 10, true);
	encoded(f, 1000, 10);
	ended(f, 0);
	assert_int_equal(f->times.damage, 1);
	assert_int_equal(f->times.queue, 112);

	damage(f, 0, 1);
	asked(f, 10);
	analysed(f, 10, 10, true);
	input(f, STAGES_KEY_USEC, 2);
	had(f, 10);
	damage(f, 10, 2);
	asked(f, 50);
	analysed(f, 10, 10, true);
	encoded(f, 0, 10);
	ended(f, 0);
	assert_times(f, 1, 1, 5, 1, 1, 1, 1);
}

static void test_what_comes_in_the_middle_of_a_frame_belongs_to_the_next(void **state)
{
	struct fixture *f = *state;

	damage(f, 0, 1);
	asked(f, 20);
	analysed(f, 20, 20, true);
	encoded(f, 0, 100);
	damage(f, 10, 1);
	asked(f, 70);
	analysed(f, 20, 20, true);
	encoded(f, 0, 100);
	ended(f, 0);
	assert_int_equal(f->times.damage, 2);
	assert_int_equal(f->times.encode, 20);
	assert_int_equal(f->times.queue, 12);
	encoded(f, 0, 50);
	ended(f, 0);
	assert_int_equal(f->times.damage, 7);
	assert_int_equal(f->times.encode, 5);
	assert_int_equal(f->times.queue, 10);
	encoded(f, 0, 50); /* nothing of it is left for the one after that */
	ended(f, 0);
	assert_int_equal(f->times.damage, 0);
}

static void test_what_comes_in_the_middle_may_be_in_it_and_is_never_of_a_later_one(void **state)
{
	struct fixture *f = *state;

	damage(f, 0, 1);
	asked(f, 20);
	analysed(f, 20, 20, true);
	encoded(f, 0, 100);
	input(f, STAGES_KEY_USEC, 2);
	had(f, 100);
	damage(f, 200, 2);
	asked(f, 10);
	analysed(f, 10, 10, true);
	encoded(f, 0, 100);
	stages_frame_end(&f->frame, true, f->now, &f->times);
	assert_times(f, 10, 20, 1, 1, 1, 20, 1);
	f->now += 10 * USEC_PER_SEC;
	damage(f, 0, 2);
	finish_frame(f);
	assert_times(f, 0, 0, 1, 1, 1, 1, 1);
}

static void test_pixels_asked_for_twice_count_from_the_first_time(void **state)
{
	struct fixture *f = *state;

	damage(f, 0, 1);
	asked(f, 20);
	asked(f, 500); /* it was refused */
	analysed(f, 100, 10, true);
	encoded(f, 0, 10);
	ended(f, 0);
	assert_int_equal(f->times.damage, 2);
	assert_int_equal(f->times.capture, 60);
}

static void test_long_times_are_cut_and_short_ones_are_not_nothing(void **state)
{
	struct fixture *f = *state;

	damage(f, 0, 1);
	asked(f, 0);
	analysed(f, USEC_PER_SEC, 0, true);
	encoded(f, 3600 * USEC_PER_SEC, 0);
	ended(f, 0);
	assert_times(f, 0, 0, 1, UINT16_MAX, 1, 1, UINT16_MAX);
}

/* SOK-02 */
static void test_sequence_numbers_wrap(void **state)
{
	struct fixture *f = *state;

	input(f, STAGES_KEY_USEC, UINT32_MAX - 1);
	had(f, 10);
	damage(f, 10, 3);
	finish_frame(f);
	assert_int_not_equal(f->times.input, 0);
	input(f, STAGES_KEY_USEC, 5);
	had(f, 10);
	damage(f, 10, UINT32_MAX);
	finish_frame(f);
	assert_int_equal(f->times.input, 0);
}

static void test_an_answer_to_no_question_is_nothing(void **state)
{
	struct fixture *f = *state;

	had(f, 10);
	damage(f, 10, 1);
	finish_frame(f);
	assert_int_equal(f->times.input, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_key_is_followed_to_the_last_byte_of_its_frame),
		TEST(test_without_an_input_only_the_picture_has_times),
		TEST(test_a_first_picture_was_never_damaged),
		TEST(test_damage_from_before_the_input_is_not_its_own),
		TEST(test_an_answer_may_be_read_after_the_damage),
		TEST(test_an_input_has_one_damage_only_and_soon),
		TEST(test_damage_that_changes_no_pixel_is_not_the_first),
		TEST(test_the_newest_input_counts_and_none_while_one_is_on_its_way),
		TEST(test_damage_before_the_newest_input_is_of_the_one_before),
		TEST(test_of_several_in_one_frame_one_with_an_input_counts_and_else_the_oldest),
		TEST(test_what_comes_in_the_middle_of_a_frame_belongs_to_the_next),
		TEST(test_what_comes_in_the_middle_may_be_in_it_and_is_never_of_a_later_one),
		TEST(test_pixels_asked_for_twice_count_from_the_first_time),
		TEST(test_long_times_are_cut_and_short_ones_are_not_nothing),
		TEST(test_sequence_numbers_wrap),
		TEST(test_an_answer_to_no_question_is_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
