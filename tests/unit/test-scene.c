/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/scene/scene.h"

#include <string.h>

#include "base/mem.h"
#include "unit/random.h"
#include "unit/test.h"

#define WIDTH 201
#define HEIGHT 131

struct fixture {
	struct scene scene;
	struct scene_view view;
	uint32_t screen[HEIGHT][WIDTH]; /* what the display shows */
	uint32_t before[HEIGHT][WIDTH]; /* what it showed at the last update */
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	scene_init(&f->scene);
	assert_int_equal(scene_resize(&f->scene, WIDTH, HEIGHT), 0);
	assert_int_equal(scene_add_view(&f->scene, &f->view), 0);
	region_clear(&f->view.dirty);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	scene_remove_view(&f->view);
	scene_finish(&f->scene);
	free(f);
	return 0;
}

static void update(struct fixture *f, const struct rect *at)
{
	scene_update(&f->scene, at, &f->screen[at->top][at->left], WIDTH);
}

/* Each tile's dirty box must be the box of what differs between the two screens. */
static void assert_dirty_is_the_difference(struct fixture *f)
{
	struct region want;
	size_t at_want = 0, at_got = 0;
	struct rect a, b;

	assert_int_equal(region_init(&want, WIDTH, HEIGHT), 0);
	for (int y = 0; y < HEIGHT; y++) {
		for (int x = 0; x < WIDTH; x++) {
			struct rect pixel = rect_sized(x, y, 1, 1);

			if (f->screen[y][x] != f->before[y][x])
				region_add(&want, &pixel);
		}
	}
	assert_int_equal(f->view.dirty.n_dirty, want.n_dirty);
	while (region_next(&want, &at_want, &a)) {
		assert_true(region_next(&f->view.dirty, &at_got, &b));
		assert_memory_equal(&a, &b, sizeof(a));
	}
	region_finish(&want);
}

/* Few colours, so that damage often changes nothing. */
static struct rect draw(struct fixture *f, struct random *random)
{
	struct rect screen = { 0, 0, WIDTH, HEIGHT };
	struct rect r = rect_sized(random_below(random, WIDTH), random_below(random, HEIGHT),
		1 + random_below(random, 90), 1 + random_below(random, 90));
	uint32_t colour = (uint32_t)random_below(random, 3);

	r = rect_intersect(&r, &screen);
	for (int y = r.top; y < r.bottom; y++) {
		for (int x = r.left; x < r.right; x++)
			f->screen[y][x] = colour;
	}
	return r;
}

static void test_damage_is_trimmed_to_what_changed(void **state)
{
	struct fixture *f = *state;
	struct random random = { 3 };

	for (int i = 0; i < 300; i++) {
		struct rect damage = draw(f, &random);

		update(f, &damage);
		assert_dirty_is_the_difference(f);
		assert_memory_equal(f->scene.pixels, f->screen, sizeof(f->screen));
		memcpy(f->before, f->screen, sizeof(f->screen));
		region_clear(&f->view.dirty);
	}
}

static void test_undefined_byte_is_no_change(void **state)
{
	struct fixture *f = *state;
	struct rect all = { 0, 0, WIDTH, HEIGHT };

	memset(f->screen, 0xff, sizeof(f->screen));
	update(f, &all);
	region_clear(&f->view.dirty);
	for (int y = 0; y < HEIGHT; y++) {
		for (int x = 0; x < WIDTH; x++)
			f->screen[y][x] = 0x12ffffff;
	}
	assert_false(scene_update(&f->scene, &all, &f->screen[0][0], WIDTH));
	assert_true(region_is_empty(&f->view.dirty));
}

static void test_update_beyond_the_screen_is_clipped(void **state)
{
	struct fixture *f = *state;
	struct rect large = { 0, 0, WIDTH + 30, HEIGHT + 30 };
	uint32_t *pixels = xalloc((WIDTH + 30) * (HEIGHT + 30), sizeof(*pixels));

	memset(pixels, 0x55, (WIDTH + 30) * (HEIGHT + 30) * sizeof(*pixels));
	assert_true(scene_update(&f->scene, &large, pixels, WIDTH + 30));
	for (size_t i = 0; i < WIDTH * HEIGHT; i++)
		assert_int_equal(f->scene.pixels[i], 0x55555555);
	free(pixels);
}

static void test_late_view_sees_everything_as_dirty(void **state)
{
	struct fixture *f = *state;
	struct scene_view late;

	assert_int_equal(scene_add_view(&f->scene, &late), 0);
	assert_int_equal(late.dirty.n_dirty, 4 * 3);
	assert_true(region_is_empty(&f->view.dirty));
	scene_remove_view(&late);
}

static void test_new_size_is_black_and_clean(void **state)
{
	struct fixture *f = *state;
	struct rect all = { 0, 0, WIDTH, HEIGHT };

	memset(f->screen, 0xaa, sizeof(f->screen));
	update(f, &all);
	assert_int_equal(scene_resize(&f->scene, 300, 20), 0);
	assert_true(region_is_empty(&f->view.dirty));
	assert_int_equal(f->view.dirty.width, 300);
	for (size_t i = 0; i < 300 * 20; i++)
		assert_int_equal(f->scene.pixels[i], 0);
	assert_int_equal(scene_resize(&f->scene, 0, 0), 0);
	assert_null(f->scene.pixels);
	assert_false(scene_update(&f->scene, &all, &f->screen[0][0], WIDTH));
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(damage_is_trimmed_to_what_changed),
		TEST(undefined_byte_is_no_change),
		TEST(update_beyond_the_screen_is_clipped),
		TEST(late_view_sees_everything_as_dirty),
		TEST(new_size_is_black_and_clean),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
