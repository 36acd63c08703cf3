/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/echo.h"

#include "unit/inflater.h"
#include "unit/random.h"
#include "unit/test.h"
#include "wire/picture.h"

#define WIDTH 320
#define HEIGHT 200

#define NOW (100 * USEC_PER_SEC)

struct fixture {
	struct scene scene;
	struct echo echo;
	struct member member;  /* in no group */
	struct picture seen;   /* by who was sent nothing but echoes */
	size_t rate;
	usec_t now;
};

static void set_up(struct fixture *self)
{
	*self = (struct fixture){ .now = NOW };
	scene_init(&self->scene);
	assert_int_equal(scene_resize(&self->scene, WIDTH, HEIGHT), 0);
	assert_int_equal(picture_resize(&self->seen, WIDTH, HEIGHT), 0);
	echo_init(&self->echo, &self->scene);
	echo_start(&self->echo, self->now + USEC_PER_SEC);
}

static void tear_down(struct fixture *self)
{
	echo_finish(&self->echo);
	assert_true(list_empty(&self->scene.views));
	picture_finish(&self->seen);
	scene_finish(&self->scene);
}

/* Text-like: few colours. Or noise, which is of no use to a compressor. */
static void draw(struct fixture *self, const struct rect *rect, struct random *random, bool noise)
{
	static uint32_t pixels[WIDTH * HEIGHT];
	uint32_t other = (uint32_t)random_u64(random) & 0xffffff;

	for (int y = rect->top; y < rect->bottom; y++) {
		for (int x = rect->left; x < rect->right; x++)
			pixels[y * WIDTH + x] = noise ? (uint32_t)random_u64(random) & 0xffffff
					: (x ^ y) & 4 ? 0xffffff
						      : other;
	}
	scene_update(&self->scene, rect, pixels + rect->top * WIDTH + rect->left, WIDTH);
}

/* Bytes; what they hold is done to the picture. */
static size_t echo(struct fixture *self)
{
	struct inflater inflater;
	uint8_t *bytes = NULL;
	size_t n = echo_make(&self->echo, &self->member, self->rate, self->now, &bytes);

	assert_true(n <= ECHO_MAX);
	if (n > 0) {
		inflater_init(&inflater); /* anew: it needs nothing that came before */
		inflater_take(&inflater, bytes, n);
		assert_int_equal(picture_apply(&self->seen, inflater.bytes, inflater.n), 0);
		inflater_finish(&inflater);
	}
	return n;
}

static bool is_seen(const struct fixture *self, const struct rect *rect)
{
	for (int y = rect->top; y < rect->bottom; y++) {
		for (int x = rect->left; x < rect->right; x++) {
			if (self->seen.pixels[y * WIDTH + x] != self->scene.pixels[y * WIDTH + x])
				return false;
		}
	}
	return true;
}

static void test_what_changes_is_shown_once_and_by_itself(void **state)
{
	const struct rect rects[] = { { 5, 7, 13, 23 }, { 64, 0, 128, 64 }, { 200, 190, 201, 191 } };
	struct random random = { 1 };
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_int_equal(echo(&f), 0); /* what was there before it began */
	for (unsigned turn = 0; turn < 3; turn++) {
		for (size_t i = 0; i < ARRAY_SIZE(rects); i++)
			draw(&f, &rects[i], &random, i == 0);
		assert_true(echo_handle_damage(&f.echo, f.now));
		assert_true(echo(&f) > 0);
		for (size_t i = 0; i < ARRAY_SIZE(rects); i++)
			assert_true(is_seen(&f, &rects[i]));
		assert_false(echo_handle_damage(&f.echo, f.now));
		assert_int_equal(echo(&f), 0);
		f.now += USEC_PER_SEC / 4;
	}
	tear_down(&f);
}

/* The letter is there, and not what is left of a film; nor is that shown later. */
static void test_of_too_much_the_smallest_is_there(void **state)
{
	const struct rect letter = { 150, 70, 158, 86 };
	const struct rect tiles[] = { { 64, 0, 128, 64 }, { 128, 0, 192, 64 }, { 192, 0, 256, 64 },
		{ 64, 128, 128, 192 } };
	struct random random = { 2 };
	struct fixture f;

	(void)state;
	set_up(&f);
	for (size_t i = 0; i < ARRAY_SIZE(tiles); i++)
		draw(&f, &tiles[i], &random, true);
	draw(&f, &letter, &random, false);
	assert_true(echo(&f) > 0);
	assert_true(is_seen(&f, &letter));
	for (size_t i = 0; i < ARRAY_SIZE(tiles); i++)
		assert_false(is_seen(&f, &tiles[i]));
	assert_int_equal(echo(&f), 0);
	draw(&f, &tiles[0], &random, true); /* alone it is too much as well */
	assert_int_equal(echo(&f), 0);
	tear_down(&f);
}

static void test_of_very_many_the_smallest_are_there(void **state)
{
	struct random random = { 4 };
	struct rect rects[15];
	struct fixture f;

	(void)state;
	set_up(&f);
	for (int i = 0; i < 15; i++) { /* one in each tile; the later, the smaller */
		rects[i] = rect_sized(i % 5 * 64 + 3, i / 5 * 64 + 2, 4 + 2 * (14 - i), 6);
		draw(&f, &rects[i], &random, true);
	}
	assert_true(echo(&f) > 0);
	assert_true(is_seen(&f, &rects[14]) && is_seen(&f, &rects[12]));
	assert_false(is_seen(&f, &rects[0]));
	tear_down(&f);
}

static void test_a_small_move_is_shown_where_it_went(void **state)
{
	const struct rect from = { 10, 10, 26, 26 };
	const struct scene_move move = { { 80, 10, 96, 26 }, 70, 0 };
	struct random random = { 5 };
	struct fixture f;

	(void)state;
	set_up(&f);
	draw(&f, &from, &random, false);
	assert_true(echo(&f) > 0);
	scene_move(&f.scene, &move);
	assert_true(echo(&f) > 0);
	assert_true(is_seen(&f, &move.to));
	tear_down(&f);
}

static void test_it_ends_some_time_after_the_last_key(void **state)
{
	const struct rect letter = { 5, 7, 13, 23 };
	struct random random = { 6 };
	struct fixture f;

	(void)state;
	set_up(&f);
	f.now += USEC_PER_SEC - 1;
	draw(&f, &letter, &random, false);
	assert_true(echo(&f) > 0);
	echo_start(&f.echo, f.now + USEC_PER_SEC); /* another key */
	f.now += USEC_PER_SEC - 1;
	draw(&f, &letter, &random, false);
	assert_true(echo(&f) > 0);
	f.now++;
	draw(&f, &letter, &random, false);
	assert_false(echo_handle_damage(&f.echo, f.now));
	assert_true(list_empty(&f.scene.views)); /* so that it costs nothing */
	echo_start(&f.echo, f.now + USEC_PER_SEC);
	assert_int_equal(echo(&f), 0);
	draw(&f, &letter, &random, false);
	assert_true(echo(&f) > 0);
	tear_down(&f);
}

/* Of what blinks, in bytes a second, beside the first moment. */
static void test_it_takes_a_part_of_the_link_only(void **state)
{
	const struct rect blink = { 128, 64, 144, 80 };
	struct random random = { 7 };
	struct fixture f;

	(void)state;
	set_up(&f);
	for (size_t i = 0; i < 2; i++) {
		size_t n = 0, part = i == 0 ? ECHO_RATE : 64000 / ECHO_RATE_PART;

		f.rate = i == 0 ? 0 : 64000;
		echo_start(&f.echo, f.now + 10 * USEC_PER_SEC);
		for (unsigned frame = 0; frame < 300; frame++, f.now += USEC_PER_SEC / 60) {
			draw(&f, &blink, &random, true);
			n += echo(&f);
		}
		assert_true(n <= 5 * part + ECHO_BURST && n >= 4 * part);
	}
	tear_down(&f);
}

static void test_another_size_is_another_picture(void **state)
{
	const struct rect letter = { 5, 7, 13, 23 };
	struct random random = { 8 };
	struct fixture f;

	(void)state;
	set_up(&f);
	draw(&f, &letter, &random, false);
	assert_int_equal(scene_resize(&f.scene, WIDTH, HEIGHT), 0);
	assert_int_equal(echo(&f), 0);
	draw(&f, &letter, &random, false);
	assert_true(echo(&f) > 0);
	assert_true(is_seen(&f, &letter));
	assert_int_equal(scene_resize(&f.scene, 0, 0), 0);
	assert_int_equal(echo(&f), 0);
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_changes_is_shown_once_and_by_itself),
		cmocka_unit_test(test_of_too_much_the_smallest_is_there),
		cmocka_unit_test(test_of_very_many_the_smallest_are_there),
		cmocka_unit_test(test_a_small_move_is_shown_where_it_went),
		cmocka_unit_test(test_it_ends_some_time_after_the_last_key),
		cmocka_unit_test(test_it_takes_a_part_of_the_link_only),
		cmocka_unit_test(test_another_size_is_another_picture),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
