/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/scene/region.h"

#include <string.h>

#include "base/mem.h"
#include "unit/random.h"
#include "unit/test.h"

/* The model: one flag for each pixel that was added. */
struct model {
	int width;
	int height;
	bool *dirty;
};

static void model_init(struct model *self, int width, int height)
{
	*self = (struct model){ .width = width, .height = height };
	self->dirty = xalloc((size_t)width * (size_t)height, 1);
}

static void model_add(struct model *self, const struct rect *rect)
{
	for (int y = 0; y < self->height; y++) {
		for (int x = 0; x < self->width; x++) {
			if (x >= rect->left && x < rect->right && y >= rect->top
				&& y < rect->bottom)
				self->dirty[y * self->width + x] = true;
		}
	}
}

/* The bounding box of the model's dirty pixels in one tile. */
static struct rect model_box(const struct model *self, int column, int row)
{
	struct rect box = { self->width, self->height, 0, 0 };

	for (int y = row * 64; y < row * 64 + 64 && y < self->height; y++) {
		for (int x = column * 64; x < column * 64 + 64 && x < self->width; x++) {
			struct rect pixel = rect_sized(x, y, 1, 1);

			if (self->dirty[y * self->width + x])
				box = rect_unite(&box, &pixel);
		}
	}
	return box;
}

static void assert_same(const struct region *region, const struct model *model)
{
	size_t tile = 0, n = 0;
	struct rect got;

	for (int row = 0; row * 64 < model->height; row++) {
		for (int column = 0; column * 64 < model->width; column++) {
			struct rect want = model_box(model, column, row);

			if (rect_is_empty(&want))
				continue;
			assert_true(region_next(region, &tile, &got));
			assert_memory_equal(&got, &want, sizeof(got));
			n++;
		}
	}
	assert_false(region_next(region, &tile, &got));
	assert_int_equal(region->n_dirty, n);
}

static struct rect random_rect(struct random *random, int width, int height)
{
	int x = random_below(random, width + 40) - 20;
	int y = random_below(random, height + 40) - 20;

	return rect_sized(
		x, y, random_below(random, width / 2 + 1), random_below(random, height / 2 + 1));
}

static void test_random_rectangles_give_each_tiles_bounding_box(void **state)
{
	static const int sizes[][2] = { { 1, 1 }, { 64, 64 }, { 65, 63 }, { 200, 130 },
		{ 4200, 70 } };
	struct random random = { 1 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct region region;
		struct model model;

		model_init(&model, sizes[i][0], sizes[i][1]);
		assert_int_equal(
			region_init(&region, (unsigned)model.width, (unsigned)model.height), 0);
		for (int n = 0; n < 30; n++) {
			struct rect rect = random_rect(&random, model.width, model.height);

			region_add(&region, &rect);
			model_add(&model, &rect);
			assert_same(&region, &model);
		}
		region_finish(&region);
		free(model.dirty);
	}
}

static void test_taken_tiles_are_clean_and_others_stay(void **state)
{
	struct rect dirty = { 0, 0, 300, 100 }, got;
	struct region region;
	size_t tile = 0;

	(void)state;
	assert_int_equal(region_init(&region, 300, 100), 0);
	region_add(&region, &dirty);
	assert_int_equal(region.n_dirty, 10);
	for (int i = 0; i < 4; i++)
		assert_true(region_take(&region, &tile, &got));
	assert_int_equal(region.n_dirty, 6);
	tile = 0;
	assert_true(region_take(&region, &tile, &got));
	assert_int_equal(got.left, 256);
	assert_int_equal(got.right, 300);
	region_clear(&region);
	assert_true(region_is_empty(&region));
	tile = 0;
	assert_false(region_next(&region, &tile, &got));
	region_finish(&region);
}

static void test_whole_screen_is_every_tile(void **state)
{
	struct region region;

	(void)state;
	assert_int_equal(region_init(&region, 16384, 16384), 0);
	region_add_all(&region);
	assert_int_equal(region.n_dirty, 256 * 256);
	region_finish(&region);
}

static void test_region_of_no_screen_takes_nothing(void **state)
{
	struct rect rect = { -5, -5, 100, 100 };
	struct region region;
	size_t tile = 0;

	(void)state;
	assert_int_equal(region_init(&region, 0, 0), 0);
	region_add(&region, &rect);
	region_add_all(&region);
	assert_true(region_is_empty(&region));
	assert_false(region_take(&region, &tile, &rect));
	region_clear(&region);
	region_finish(&region);
}

static void test_what_touches_a_region_is_found_in_whatever_tile(void **state)
{
	struct random random = { 8 };
	struct region region, copy;

	(void)state;
	assert_int_equal(region_init(&region, 500, 300), 0);
	assert_int_equal(region_init(&copy, 500, 300), 0);
	for (int i = 0; i < 2000; i++) {
		struct rect rect = rect_sized(random_below(&random, 400),
			random_below(&random, 200), random_below(&random, 100),
			random_below(&random, 100));
		struct rect box;
		bool touches = false;
		size_t tile = 0;

		while (region_next(&region, &tile, &box)) {
			struct rect same, both = rect_intersect(&box, &rect);

			assert_true(region_at(&region, tile - 1, &same));
			assert_memory_equal(&same, &box, sizeof(box));
			touches = touches || !rect_is_empty(&both);
		}
		assert_int_equal(region_touches(&region, &rect), touches);
		if (i % 100 == 0)
			region_clear(&region);
		rect.right = rect.left + 1 + i % 70;
		rect.bottom = rect.top + 1 + i % 50;
		if (i % 20 == 0)
			region_add(&region, &rect);
	}
	region_clear(&copy);
	region_add_region(&copy, &region);
	assert_int_equal(copy.n_dirty, region.n_dirty);
	assert_memory_equal(copy.boxes, region.boxes,
		sizeof(*region.boxes) * region.rows * region.columns);
	assert_true(region.n_dirty > 0);
	region_finish(&region);
	region_finish(&copy);
}

/* The bounding box of what is left of @box without @rect; empty: nothing is. */
static struct rect box_without(const struct rect *box, const struct rect *rect)
{
	struct rect rest[RECT_REST_MAX], sum = { 0 };
	unsigned n = rect_subtract(box, rect, rest);

	for (unsigned i = 0; i < n; i++)
		sum = i == 0 ? rest[0] : rect_unite(&sum, &rest[i]);
	return sum;
}

static void test_what_is_removed_leaves_the_box_of_the_rest(void **state)
{
	struct random random = { 9 };
	struct region region, before;

	(void)state;
	assert_int_equal(region_init(&region, 500, 300), 0);
	assert_int_equal(region_init(&before, 500, 300), 0);
	for (int i = 0; i < 500; i++) {
		struct rect rect = random_rect(&random, 500, 300), had, has;
		size_t n = 0;

		region_add(&region, &rect);
		region_clear(&before);
		region_add_region(&before, &region);
		rect = random_rect(&random, 500, 300);
		region_remove(&region, &rect);
		for (size_t tile = 0; tile < region.rows * region.columns; tile++) {
			if (!region_at(&before, tile, &had))
				continue;
			had = box_without(&had, &rect);
			assert_int_equal(region_at(&region, tile, &has), !rect_is_empty(&had));
			if (rect_is_empty(&had))
				continue;
			assert_memory_equal(&has, &had, sizeof(had));
			n++;
		}
		assert_int_equal(region.n_dirty, n);
	}
	region_finish(&region);
	region_finish(&before);
}

static void test_what_is_shifted_is_added_elsewhere(void **state)
{
	struct random random = { 10 };
	struct region region, other;
	struct model model;

	(void)state;
	model_init(&model, 500, 300);
	assert_int_equal(region_init(&region, 500, 300), 0);
	assert_int_equal(region_init(&other, 500, 300), 0);
	for (int i = 0; i < 100; i++) {
		struct rect from = random_rect(&random, 500, 300), box;
		int dx = random_below(&random, 300) - 150, dy = random_below(&random, 300) - 150;
		size_t tile = 0;

		region_clear(&other);
		box = random_rect(&random, 500, 300);
		region_add(&other, &box);
		while (region_next(&other, &tile, &box)) {
			box = rect_intersect(&box, &from);
			box = rect_shifted(&box, dx, dy);
			if (!rect_is_empty(&box))
				model_add(&model, &box);
		}
		region_add_shifted(&region, &other, &from, dx, dy);
		assert_same(&region, &model);
	}
	assert_true(region.n_dirty > 0);
	free(model.dirty);
	region_finish(&region);
	region_finish(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_rectangles_give_each_tiles_bounding_box),
		cmocka_unit_test(test_taken_tiles_are_clean_and_others_stay),
		cmocka_unit_test(test_whole_screen_is_every_tile),
		cmocka_unit_test(test_region_of_no_screen_takes_nothing),
		cmocka_unit_test(test_what_touches_a_region_is_found_in_whatever_tile),
		cmocka_unit_test(test_what_is_removed_leaves_the_box_of_the_rest),
		cmocka_unit_test(test_what_is_shifted_is_added_elsewhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
