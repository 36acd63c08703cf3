/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/input/input.h"

#include <stdio.h>
#include <string.h>

#include "unit/test.h"

/* A display that writes down what it is told: "+30 -30 @5,6 *1 b+1". */
static struct {
	struct input_sink base;
	char text[4096];
	int n_flushes;
} sink;

static struct input input;
static struct input_holder one, two;

static void note(struct input_sink *self, const struct input_event *event)
{
	size_t n = strlen(sink.text);
	char *at = sink.text + n;
	size_t room = sizeof(sink.text) - n;

	(void)self;
	switch (event->type) {
	case INPUT_KEY:
		snprintf(at, room, "%c%u ", event->down ? '+' : '-', event->code);
		break;
	case INPUT_BUTTON:
		snprintf(at, room, "b%c%u ", event->down ? '+' : '-', event->code);
		break;
	case INPUT_MOTION:
		snprintf(at, room, "@%u,%u ", event->x, event->y);
		break;
	case INPUT_WHEEL:
		snprintf(at, room, "*%u ", event->code);
		break;
	}
}

static void count_flush(struct input_sink *self)
{
	(void)self;
	sink.n_flushes++;
}

static const struct input_sink_impl impl = {
	.event = note,
	.flush = count_flush,
};

static int setup(void **state)
{
	(void)state;
	memset(&sink, 0, sizeof(sink));
	sink.base.impl = &impl;
	input_init(&input);
	input_set_sink(&input, &sink.base);
	input_set_size(&input, 100, 50);
	input_add_holder(&input, &one);
	input_add_holder(&input, &two);
	return 0;
}

static void test_repeated_downs_and_stray_ups_are_ignored(void **state)
{
	(void)state;
	input_key(&input, &one, 30, false);
	input_key(&input, &one, 30, true);
	input_key(&input, &one, 30, true);
	input_key(&input, &one, 30, false);
	input_key(&input, &one, 30, false);
	input_button(&input, &one, 1, false);
	input_button(&input, &one, 1, true);
	input_button(&input, &one, 1, true);
	assert_string_equal(sink.text, "+30 -30 b+1 ");
}

static void test_key_held_by_two_goes_up_with_the_last(void **state)
{
	(void)state;
	input_key(&input, &one, 42, true);
	input_key(&input, &two, 42, true);
	input_key(&input, &one, 42, false);
	assert_string_equal(sink.text, "+42 ");
	input_remove_holder(&input, &two);
	assert_string_equal(sink.text, "+42 -42 ");
	assert_int_equal(sink.n_flushes, 1);
}

static void test_release_lets_go_of_everything_of_that_viewer(void **state)
{
	(void)state;
	input_key(&input, &one, 1, true);
	input_key(&input, &one, 247, true);
	input_button(&input, &one, 9, true);
	input_key(&input, &two, 5, true);
	sink.text[0] = '\0';
	input_release(&input, &one);
	assert_string_equal(sink.text, "-1 -247 b-9 ");
	input_release(&input, &one);
	assert_string_equal(sink.text, "-1 -247 b-9 ");
}

static void test_positions_are_clamped_to_the_screen(void **state)
{
	(void)state;
	input_motion(&input, 0, 0);
	input_motion(&input, 99, 49);
	input_motion(&input, 100, 65535);
	input_set_size(&input, 0, 0);
	input_motion(&input, 5, 5);
	assert_string_equal(sink.text, "@0,0 @99,49 @99,49 ");
}

static void test_wheel_adds_up_to_notches(void **state)
{
	(void)state;
	input_wheel(&input, &one, 0, 60);
	assert_string_equal(sink.text, "");
	input_wheel(&input, &two, 0, 60); /* another viewer's wheel */
	assert_string_equal(sink.text, "");
	input_wheel(&input, &one, 0, 60);
	assert_string_equal(sink.text, "*1 ");
	input_wheel(&input, &one, 0, -250);
	assert_string_equal(sink.text, "*1 *0 *0 ");
	input_wheel(&input, &one, 120, 0);
	input_wheel(&input, &one, -120, 0);
	assert_string_equal(sink.text, "*1 *0 *0 *3 *2 ");
}

static void test_wheel_that_turns_back_begins_anew(void **state)
{
	(void)state;
	input_wheel(&input, &one, 0, 110);
	input_wheel(&input, &one, 0, -120);
	assert_string_equal(sink.text, "*0 ");
}

static void test_one_message_scrolls_only_so_far(void **state)
{
	(void)state;
	input_wheel(&input, &one, -32768, 32767);
	assert_int_equal(strlen(sink.text), 2 * 32 * strlen("*1 "));
}

static void test_new_display_finds_everything_released(void **state)
{
	(void)state;
	input_key(&input, &one, 30, true);
	input_set_sink(&input, NULL);
	input_key(&input, &one, 31, true);
	input_flush(&input);
	input_set_sink(&input, &sink.base);
	sink.text[0] = '\0';
	input_key(&input, &one, 31, false);
	input_key(&input, &one, 30, true);
	assert_string_equal(sink.text, "+30 ");
}

#define TEST(name) cmocka_unit_test_setup(test_##name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(repeated_downs_and_stray_ups_are_ignored),
		TEST(key_held_by_two_goes_up_with_the_last),
		TEST(release_lets_go_of_everything_of_that_viewer),
		TEST(positions_are_clamped_to_the_screen),
		TEST(wheel_adds_up_to_notches),
		TEST(wheel_that_turns_back_begins_anew),
		TEST(one_message_scrolls_only_so_far),
		TEST(new_display_finds_everything_released),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
