/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/cache.h"

#include <string.h>

#include "base/mem.h"
#include "unit/random.h"
#include "unit/test.h"
#include "wire/stream.h"

#define WIDTH 300 /* five tiles and a part of one */
#define HEIGHT 150
#define STOOD CACHE_STOOD_USEC

struct fixture {
	struct cache cache;
	struct scene scene;
	struct random random;
	usec_t now;
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	scene_init(&f->scene);
	assert_int_equal(scene_resize(&f->scene, WIDTH, HEIGHT), 0);
	assert_int_equal(cache_init(&f->cache, 77), 0);
	assert_int_equal(cache_resize(&f->cache, WIDTH, HEIGHT), 0);
	f->random.state = 21;
	f->now = 1000 * USEC_PER_SEC;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	cache_finish(&f->cache);
	scene_finish(&f->scene);
	free(f);
	return 0;
}

static struct rect tile_at(int column, int row)
{
	struct rect screen = { 0, 0, WIDTH, HEIGHT };
	struct rect tile = rect_sized(column * 64, row * 64, 64, 64);

	return rect_intersect(&tile, &screen);
}

/* Stripes that are the same for the same @number, and in no two tiles of different ones. */
static void draw(struct fixture *f, const struct rect *box, uint32_t number)
{
	for (int y = box->top; y < box->bottom; y++) {
		for (int x = box->left; x < box->right; x++)
			f->scene.pixels[y * WIDTH + x] = (x % 2 ? number : 0x808080)
							 | (uint32_t)random_u64(&f->random)
								   << 24;
	}
}

static struct cache_plan change(struct fixture *f, const struct rect *box, uint32_t number)
{
	struct cache_plan plan;

	draw(f, box, number);
	cache_plan(&f->cache, &f->scene, box, f->now, &plan);
	return plan;
}

static void assert_plan(const struct cache_plan *plan, bool is_same, int store, int cached)
{
	assert_int_equal(plan->is_same, is_same);
	assert_int_equal(plan->store, store);
	assert_int_equal(plan->cached, cached);
}

static void test_what_stood_long_enough_is_stored_and_comes_back(void **state)
{
	struct fixture *f = *state;
	struct rect tile = tile_at(1, 1);
	struct cache_plan plan = change(f, &tile, 1);

	assert_plan(&plan, false, -1, -1);
	f->now += STOOD;
	plan = change(f, &tile, 2);
	assert_plan(&plan, false, 0, -1);
	plan = change(f, &tile, 1); /* 2 has not stood */
	assert_plan(&plan, false, -1, 0);
	f->now += STOOD;
	plan = change(f, &tile, 2); /* 1 is stored already */
	assert_plan(&plan, false, -1, -1);
	f->now += STOOD;
	plan = change(f, &tile, 1);
	assert_plan(&plan, false, 1, 0);
	plan = change(f, &tile, 2);
	assert_plan(&plan, false, -1, 1);
}

static void test_what_did_not_stand_is_not_stored(void **state)
{
	struct fixture *f = *state;
	struct rect tile = tile_at(0, 0);
	struct cache_plan plan = change(f, &tile, 1);

	f->now += STOOD - 1;
	plan = change(f, &tile, 2);
	assert_plan(&plan, false, -1, -1);
}

static void test_the_same_again_is_no_change(void **state)
{
	struct fixture *f = *state;
	struct rect tile = tile_at(0, 0);
	struct cache_plan plan = change(f, &tile, 1);

	plan = change(f, &tile, 1); /* with other top bytes */
	assert_plan(&plan, true, -1, -1);
	f->now += STOOD;
	plan = change(f, &tile, 2); /* it has stood all the time */
	assert_int_equal(plan.store, 0);
}

static void test_any_place_will_do_and_any_size_will_not(void **state)
{
	struct fixture *f = *state;
	struct rect tile = tile_at(0, 0), other = tile_at(2, 1), edge = tile_at(4, 0);
	struct cache_plan plan = change(f, &tile, 1);

	f->now += STOOD;
	plan = change(f, &tile, 2);
	assert_int_equal(plan.store, 0);
	plan = change(f, &other, 1);
	assert_plan(&plan, false, -1, 0);
	plan = change(f, &edge, 1);
	assert_plan(&plan, false, -1, -1);
}

static void test_small_changes_and_solid_tiles_are_not_stored(void **state)
{
	struct fixture *f = *state;
	struct rect tile = tile_at(1, 0), letter = rect_sized(70, 10, 15, 17);
	struct cache_plan plan = change(f, &tile, 1);

	assert_true(rect_width(&letter) * rect_height(&letter) < CACHE_STORE_PX);
	f->now += STOOD;
	plan = change(f, &letter, 2);
	assert_plan(&plan, false, -1, -1);
	plan = change(f, &tile, 0x808080); /* one colour: no stripes */
	f->now += STOOD;
	plan = change(f, &tile, 1);
	assert_plan(&plan, false, -1, -1);
}

static void test_what_is_forgotten_is_neither_stored_nor_used(void **state)
{
	struct fixture *f = *state;
	struct rect tile = tile_at(1, 1), corner = rect_sized(127, 127, 1, 1);
	struct cache_plan plan = change(f, &tile, 1);

	f->now += STOOD;
	cache_forget_rect(&f->cache, &corner);
	plan = change(f, &tile, 2);
	assert_plan(&plan, false, -1, -1);
	f->now += STOOD;
	plan = change(f, &tile, 3);
	assert_int_equal(plan.store, 0);
	cache_forget(&f->cache);
	plan = change(f, &tile, 2);
	assert_plan(&plan, false, -1, -1);
	f->now += STOOD;
	plan = change(f, &tile, 3);
	assert_int_equal(plan.store, 0);
	assert_int_equal(cache_resize(&f->cache, WIDTH, HEIGHT), 0);
	plan = change(f, &tile, 2);
	assert_plan(&plan, false, -1, -1);
}

static void test_what_was_forgotten_is_known_again_when_looked_at(void **state)
{
	struct fixture *f = *state;
	struct rect tile = tile_at(1, 1), edge = tile_at(4, 2);
	struct cache_plan plan;

	draw(f, &tile, 1);
	draw(f, &edge, 2);
	assert_false(cache_look(&f->cache, &f->scene, f->now));
	plan = change(f, &tile, 3);
	assert_int_equal(plan.store, 0); /* it has stood, or nobody would have looked */
	plan = change(f, &edge, 3);
	assert_int_equal(plan.store, 1);
	plan = change(f, &tile, 1);
	assert_int_equal(plan.cached, 0);
	assert_false(cache_look(&f->cache, &f->scene, f->now));
	f->now += STOOD;
	cache_forget_rect(&f->cache, &tile);
	assert_false(cache_look(&f->cache, &f->scene, f->now));
	plan = change(f, &tile, 1);
	assert_plan(&plan, true, -1, -1);
}

static void test_a_large_screen_is_looked_at_in_turns(void **state)
{
	struct fixture *f = *state;
	unsigned n = 1;

	assert_int_equal(scene_resize(&f->scene, 64 * 50, 64 * 25), 0);
	assert_int_equal(cache_resize(&f->cache, 64 * 50, 64 * 25), 0);
	while (cache_look(&f->cache, &f->scene, f->now))
		n++;
	assert_int_equal(n, (50 * 25 + CACHE_LOOK_MAX - 1) / CACHE_LOOK_MAX);
}

static void test_what_was_of_use_longest_ago_goes_first(void **state)
{
	struct fixture *f = *state;
	struct rect tile = tile_at(0, 0), other = tile_at(1, 0);
	struct cache_plan plan;

	for (int i = 0; i <= STREAM_SLOTS; i++) {
		plan = change(f, &tile, (uint32_t)i + 1);
		assert_int_equal(plan.store, i - 1);
		assert_int_equal(plan.cached, -1);
		f->now += STOOD;
	}
	plan = change(f, &other, 1); /* is of use */
	assert_int_equal(plan.cached, 0);
	plan = change(f, &tile, 100000);
	assert_int_equal(plan.store, 1); /* so the second has to go */
	plan = change(f, &other, 2);
	assert_int_equal(plan.cached, -1);
	plan = change(f, &other, 1);
	assert_int_equal(plan.cached, 0);
	plan = change(f, &other, STREAM_SLOTS + 1);
	assert_int_equal(plan.cached, 1);
}

static void test_without_a_screen_nothing_is_planned(void **state)
{
	struct fixture *f = *state;
	struct rect tile = tile_at(0, 0), far = rect_sized(10000, 10000, 5, 5);
	struct cache_plan plan;

	assert_int_equal(cache_resize(&f->cache, 0, 0), 0);
	cache_forget_rect(&f->cache, &tile);
	cache_forget(&f->cache);
	plan = change(f, &tile, 1);
	assert_plan(&plan, false, -1, -1);
	assert_false(cache_look(&f->cache, &f->scene, f->now));
	assert_int_equal(cache_resize(&f->cache, WIDTH, HEIGHT), 0);
	cache_forget_rect(&f->cache, &far);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_stood_long_enough_is_stored_and_comes_back),
		TEST(what_did_not_stand_is_not_stored),
		TEST(the_same_again_is_no_change),
		TEST(any_place_will_do_and_any_size_will_not),
		TEST(small_changes_and_solid_tiles_are_not_stored),
		TEST(what_is_forgotten_is_neither_stored_nor_used),
		TEST(what_was_forgotten_is_known_again_when_looked_at),
		TEST(a_large_screen_is_looked_at_in_turns),
		TEST(what_was_of_use_longest_ago_goes_first),
		TEST(without_a_screen_nothing_is_planned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
