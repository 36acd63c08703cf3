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

/* --- moves --- */

static void move(struct fixture *f, const struct rect *to, int dx, int dy)
{
	scene_move(&f->scene, &(struct scene_move){ *to, dx, dy });
}

/* All of it of different colours, and nothing dirty. */
static void begin_with_noise(struct fixture *f)
{
	struct rect all = { 0, 0, WIDTH, HEIGHT };
	struct random random = { 5 };

	for (int y = 0; y < HEIGHT; y++) {
		for (int x = 0; x < WIDTH; x++)
			f->screen[y][x] = (uint32_t)random_u64(&random);
	}
	update(f, &all);
	region_clear(&f->view.dirty);
	memcpy(f->before, f->screen, sizeof(f->before));
}

static void assert_pixel(struct fixture *f, int x, int y, int from_x, int from_y)
{
	assert_int_equal(*scene_at(&f->scene, x, y), f->before[from_y][from_x]);
}

static void test_moves_may_overlap_what_they_come_from(void **state)
{
	static const int vectors[][2] = { { 0, 9 }, { 0, -9 }, { 5, 0 }, { -5, 0 }, { 3, 4 }, { -3, -4 },
		{ 3, -4 }, { -3, 4 } };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		const int dx = vectors[i][0], dy = vectors[i][1];
		struct rect to = { 20, 30, 180, 120 };

		f->view.n_moves = 0;
		begin_with_noise(f);
		move(f, &to, dx, dy);
		for (int y = to.top; y < to.bottom; y++) {
			for (int x = to.left; x < to.right; x++)
				assert_pixel(f, x, y, x - dx, y - dy);
		}
		assert_pixel(f, 19, 60, 19, 60);
		assert_pixel(f, 180, 60, 180, 60);
		assert_int_equal(f->view.n_moves, 1);
		assert_true(region_is_empty(&f->view.dirty));
	}
}

static void test_what_was_dirty_is_dirty_where_it_has_moved_to(void **state)
{
	struct rect dirty = { 70, 70, 80, 75 }, to = { 0, 0, WIDTH, HEIGHT - 20 }, box;
	struct fixture *f = *state;
	size_t tile = 0;

	begin_with_noise(f);
	region_add(&f->view.dirty, &dirty);
	move(f, &to, 0, -20);
	assert_int_equal(f->view.dirty.n_dirty, 1);
	assert_true(region_next(&f->view.dirty, &tile, &box));
	dirty = rect_shifted(&dirty, 0, -20);
	assert_memory_equal(&box, &dirty, sizeof(box));
}

static void test_scrolls_that_wait_become_one(void **state)
{
	struct rect to = { 0, 0, WIDTH, HEIGHT - 3 }, new = { 0, HEIGHT - 3, WIDTH, HEIGHT };
	struct fixture *f = *state;
	size_t tile = 0;
	struct rect box;

	begin_with_noise(f);
	for (int i = 1; i <= 10; i++) {
		move(f, &to, 0, -3);
		region_add(&f->view.dirty, &new);
		assert_int_equal(f->view.n_moves, 1);
		assert_int_equal(f->view.moves[0].dy, -3 * i);
		assert_int_equal(f->view.moves[0].to.bottom, HEIGHT - 3 * i);
	}
	while (region_next(&f->view.dirty, &tile, &box))
		assert_true(box.top >= HEIGHT - 30);
}

static void test_there_and_back_is_no_move(void **state)
{
	struct rect up = { 0, 0, WIDTH, HEIGHT - 10 }, down = { 0, 10, WIDTH, HEIGHT };
	struct fixture *f = *state;
	size_t tile = 0;
	struct rect box;

	begin_with_noise(f);
	move(f, &up, 0, -10);
	move(f, &down, 0, 10);
	assert_int_equal(f->view.n_moves, 0);
	/* The rows that were pushed out are to be sent. */
	while (region_next(&f->view.dirty, &tile, &box))
		assert_true(box.bottom <= 10);
	assert_int_equal(f->view.dirty.n_dirty, 4);
}

static void test_more_moves_than_there_is_room_for_are_dirty(void **state)
{
	struct fixture *f = *state;

	begin_with_noise(f);
	for (int i = 0; i < SCENE_MOVES_MAX + 3; i++) {
		/* Far from each other: no two become one. */
		struct rect to = rect_sized(10 * i + 1, i % 2 * 100 + 5, 8, 20);

		assert_true(region_is_empty(&f->view.dirty) == (i <= SCENE_MOVES_MAX));
		move(f, &to, 1, 1 - i % 2 * 2);
	}
	assert_int_equal(f->view.n_moves, SCENE_MOVES_MAX);
	f->view.n_moves = 0;
	region_clear(&f->view.dirty);
}

static void test_what_is_to_be_sent_anyway_is_not_moved(void **state)
{
	struct rect to = { 0, 0, WIDTH, HEIGHT - 3 };
	struct fixture *f = *state;

	begin_with_noise(f);
	region_add_all(&f->view.dirty);
	move(f, &to, 0, -3);
	assert_int_equal(f->view.n_moves, 0);
	assert_int_equal(f->view.dirty.n_dirty, 4 * 3);
}

static size_t dirty_area(const struct region *dirty)
{
	size_t tile = 0, area = 0;
	struct rect box;

	while (region_next(dirty, &tile, &box))
		area += rect_area(&box);
	return area;
}

/* A window that is dragged as soon as it is there, for a viewer who gets a fifth of it at once. */
static void test_what_moves_all_the_time_is_sent_in_the_end(void **state)
{
	struct rect window = rect_sized(100, 80, 800, 600), box;
	struct scene scene;
	struct scene_view view;

	(void)state;
	scene_init(&scene);
	assert_int_equal(scene_resize(&scene, 1024, 768), 0);
	assert_int_equal(scene_add_view(&scene, &view), 0);
	region_clear(&view.dirty);
	region_add(&view.dirty, &window);
	for (int i = 0; i < 12; i++) {
		struct scene_move move = { .dx = 7, .dy = i % 2 ? 5 : -5 };
		size_t tile = 0;

		view.n_moves = 0;
		for (int k = 0; k < 28 && region_take(&view.dirty, &tile, &box); k++)
			;
		move.to = window = rect_shifted(&window, move.dx, move.dy);
		scene_move(&scene, &move);
	}
	assert_true(dirty_area(&view.dirty) < rect_area(&window) / 10);
	scene_remove_view(&view);
	scene_finish(&scene);
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
		TEST(moves_may_overlap_what_they_come_from),
		TEST(what_was_dirty_is_dirty_where_it_has_moved_to),
		TEST(scrolls_that_wait_become_one),
		TEST(there_and_back_is_no_move),
		TEST(more_moves_than_there_is_room_for_are_dirty),
		TEST(what_is_to_be_sent_anyway_is_not_moved),
		TEST(what_moves_all_the_time_is_sent_in_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
