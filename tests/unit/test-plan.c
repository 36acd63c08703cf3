/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/capture/plan.h"

#include <string.h>

#include "base/mem.h"
#include "unit/random.h"
#include "unit/test.h"

#define RECTS_MAX 64
#define NO_LIMIT SIZE_MAX

static struct region region;

static int setup(void **state)
{
	(void)state;
	return region_init(&region, 1001, 701);
}

static int teardown(void **state)
{
	(void)state;
	region_finish(&region);
	return 0;
}

static void test_whole_screen_is_one_rectangle(void **state)
{
	struct rect rects[RECTS_MAX], screen = { 0, 0, 1001, 701 };

	(void)state;
	region_add_all(&region);
	assert_int_equal(plan_take(&region, rects, RECTS_MAX, NO_LIMIT), 1);
	assert_memory_equal(&rects[0], &screen, sizeof(screen));
	assert_true(region_is_empty(&region));
}

static void test_neighbours_are_read_together_and_others_apart(void **state)
{
	struct rect near = { 60, 10, 70, 20 }, far = { 500, 10, 510, 15 };
	struct rect rects[RECTS_MAX];

	(void)state;
	region_add(&region, &near);
	region_add(&region, &far);
	assert_int_equal(plan_take(&region, rects, RECTS_MAX, NO_LIMIT), 2);
	assert_memory_equal(&rects[0], &near, sizeof(near));
	assert_memory_equal(&rects[1], &far, sizeof(far));
}

static void test_last_tile_of_a_row_and_first_of_the_next_are_no_neighbours(void **state)
{
	struct rect right = { 1000, 0, 1001, 64 }, left = { 0, 64, 1, 128 };
	struct rect rects[RECTS_MAX];

	(void)state;
	region_add(&region, &right);
	region_add(&region, &left);
	assert_int_equal(plan_take(&region, rects, RECTS_MAX, NO_LIMIT), 2);
}

static size_t area(const struct rect *rect)
{
	return (size_t)rect_width(rect) * (size_t)rect_height(rect);
}

/* Random damage, read in rounds of few rectangles and pixels: all of it, none of it twice. */
static void test_rounds_cover_all_within_their_limits(void **state)
{
	struct random random = { 2 };

	(void)state;
	for (int i = 0; i < 50; i++) {
		struct rect rects[3], damage;
		unsigned char *dirty = xalloc(1001 * 701, 1);
		size_t n;

		for (int k = 0; k < 30; k++) {
			damage = rect_sized(random_below(&random, 1001),
				random_below(&random, 701), 1 + random_below(&random, 200),
				1 + random_below(&random, 90));
			region_add(&region, &damage);
			for (int y = damage.top; y < damage.bottom && y < 701; y++) {
				for (int x = damage.left; x < damage.right && x < 1001; x++)
					dirty[y * 1001 + x] = 1;
			}
		}
		while ((n = plan_take(&region, rects, 3, 1001 * 64)) > 0) {
			size_t pixels = 0;

			for (size_t k = 0; k < n; k++) {
				pixels += area(&rects[k]);
				for (int y = rects[k].top; y < rects[k].bottom; y++)
					memset(&dirty[y * 1001 + rects[k].left], 0,
						(size_t)rect_width(&rects[k]));
			}
			assert_true(pixels <= 1001 * 64);
		}
		assert_true(region_is_empty(&region));
		for (size_t k = 0; k < 1001 * 701; k++)
			assert_int_equal(dirty[k], 0);
		free(dirty);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whole_screen_is_one_rectangle),
		TEST(neighbours_are_read_together_and_others_apart),
		TEST(last_tile_of_a_row_and_first_of_the_next_are_no_neighbours),
		TEST(rounds_cover_all_within_their_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
