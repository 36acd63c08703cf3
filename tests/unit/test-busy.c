/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/video/busy.h"

#include "base/mem.h"
#include "unit/random.h"
#include "unit/test.h"

#define WIDTH 1920
#define HEIGHT 1080
#define TILE 64
#define FRAME_USEC (USEC_PER_SEC / 60)
#define PHOTO 100 /* colours among the samples */
#define TEXT 14

/* A screen on which a second has sixty moments. */
struct fixture {
	struct busy busy;
	usec_t now;
	struct rect regions[BUSY_REGIONS_MAX]; /* as told */
	unsigned n_began;
	unsigned n_changed;
	unsigned n_ended;
	usec_t ended_at;
};

static void handle_began(void *data, unsigned nth, const struct rect *rect)
{
	struct fixture *f = data;

	assert_true(rect_is_empty(&f->regions[nth]));
	assert_false(rect_is_empty(rect));
	f->regions[nth] = *rect;
	f->n_began++;
}

static void handle_changed(
	void *data, unsigned nth, const struct rect *before, const struct rect *rect)
{
	struct fixture *f = data;

	assert_memory_equal(&f->regions[nth], before, sizeof(*before));
	f->regions[nth] = *rect;
	f->n_changed++;
}

static void handle_ended(void *data, unsigned nth, const struct rect *rect)
{
	struct fixture *f = data;

	assert_memory_equal(&f->regions[nth], rect, sizeof(*rect));
	f->regions[nth] = (struct rect){ 0 };
	f->n_ended++;
	f->ended_at = f->now;
}

static const struct busy_events events = {
	.began = handle_began,
	.changed = handle_changed,
	.ended = handle_ended,
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	f->now = USEC_PER_SEC;
	assert_int_equal(busy_init(&f->busy, WIDTH, HEIGHT, &events, f), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	busy_finish(&f->busy);
	free(f);
	return 0;
}

/* All of @rect has changed, tile by tile, as the scene tells it. */
static void draw(struct fixture *f, struct rect rect, unsigned n_colours)
{
	for (int y = rect.top / TILE * TILE; y < rect.bottom; y += TILE) {
		for (int x = rect.left / TILE * TILE; x < rect.right; x += TILE) {
			struct rect tile = rect_sized(x, y, TILE, TILE);

			tile = rect_intersect(&tile, &rect);
			busy_note(&f->busy, &tile, n_colours, f->now);
		}
	}
}

static void move(struct fixture *f, struct rect to, int dx, int dy)
{
	struct rect from = rect_shifted(&to, -dx, -dy);

	busy_note_move(&f->busy, &to, &from);
}

/* The moment is over: its changes are looked at, and the deadlines until the next one kept. */
static void tick(struct fixture *f)
{
	usec_t next = f->now + FRAME_USEC;

	busy_update(&f->busy, f->now);
	while (busy_next(&f->busy) < next) {
		f->now = busy_next(&f->busy);
		busy_update(&f->busy, f->now);
		assert_true(busy_next(&f->busy) > f->now);
	}
	f->now = next;
}

static void rest(struct fixture *f, usec_t how_long)
{
	usec_t end = f->now + how_long;

	while (f->now < end)
		tick(f);
}

static void play(struct fixture *f, struct rect rect, int n, int every)
{
	for (int i = 0; i < n; i++) {
		if (i % every == 0)
			draw(f, rect, PHOTO);
		tick(f);
	}
}

static void assert_rect(const struct rect *rect, int left, int top, int right, int bottom)
{
	assert_int_equal(rect->left, left);
	assert_int_equal(rect->top, top);
	assert_int_equal(rect->right, right);
	assert_int_equal(rect->bottom, bottom);
}

static void test_a_player_window_becomes_a_region_and_comes_to_rest(void **state)
{
	struct fixture *f = *state;
	usec_t begun = f->now, last;

	assert_int_equal(busy_next(&f->busy), USEC_NEVER);
	while (f->n_began == 0 && f->now < begun + 5 * USEC_PER_SEC)
		play(f, rect_sized(301, 203, 641, 361), 1, 1);
	assert_true(f->now - begun >= BUSY_ENTER_USEC);
	assert_true(f->now - begun <= 2 * BUSY_ENTER_USEC);
	assert_rect(&f->regions[0], 300, 202, 942, 564);
	play(f, rect_sized(301, 203, 641, 361), 300, 1);
	assert_int_equal(f->n_changed, 0);
	assert_int_equal(f->n_ended, 0);
	last = f->now - FRAME_USEC;
	rest(f, USEC_PER_SEC);
	assert_int_equal(f->n_ended, 1);
	assert_in_range(f->ended_at - last, BUSY_REST_USEC, BUSY_REST_USEC + 2 * FRAME_USEC);
	assert_int_equal(busy_next(&f->busy), USEC_NEVER);
}

static void test_full_screen_films_of_every_rate_are_regions(void **state)
{
	struct fixture *f = *state;

	for (int every = 1; every <= 6; every++) {
		play(f, rect_sized(0, 0, WIDTH, HEIGHT), 120, every);
		assert_int_equal(f->n_began, every);
		assert_rect(&f->regions[0], 0, 0, WIDTH, HEIGHT);
		rest(f, USEC_PER_SEC);
		assert_int_equal(f->n_ended, every);
	}
	assert_int_equal(f->n_changed, 0);
}

static void test_what_work_looks_like_is_no_video(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 600; i++) {
		if (i % 30 == 0) /* a caret */
			draw(f, rect_sized(200, 200, 2, 17), 2);
		if (i % 5 == 0) /* typing */
			draw(f, rect_sized(200 + i, 300, 9, 17), TEXT);
		draw(f, rect_sized(0, 400, 700, 500), TEXT); /* a log, painted anew */
		draw(f, rect_sized(800, 100, 600, 20),
			PHOTO); /* a progress bar of many colours */
		draw(f, rect_sized(1500, 100, 48, 48), PHOTO); /* a thing that turns */
		if (i % 20 == 0)                               /* a slide show */
			draw(f, rect_sized(1000, 300, 600, 400), PHOTO);
		tick(f);
	}
	assert_int_equal(f->n_began, 0);
	assert_int_equal(busy_next(&f->busy), USEC_NEVER);
}

static void test_scrolls_and_drags_of_photos_are_moves(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 300; i++) {
		/* A page goes up by a third of itself; a window with a photo to the right. */
		draw(f, rect_sized(100, 600, 800, 300), PHOTO);
		move(f, rect_sized(100, 0, 800, 600), 0, -300);
		draw(f, rect_sized(1000 + i, 100, 300, 300), PHOTO);
		move(f, rect_sized(1001 + i, 100, 300, 300), 1, 0);
		tick(f);
	}
	assert_int_equal(f->n_began, 0);
}

static void test_a_region_that_is_scrolled_away_ends_at_once(void **state)
{
	struct fixture *f = *state;

	play(f, rect_sized(300, 300, 640, 360), 60, 1);
	assert_int_equal(f->n_began, 1);
	move(f, rect_sized(500, 500, 100, 100), 3, 3);
	assert_int_equal(f->n_ended, 0); /* the film pans */
	move(f, rect_sized(1500, 500, 100, 100), 3, 3);
	assert_int_equal(f->n_ended, 0); /* another window */
	move(f, rect_sized(200, 100, 1000, 800), 0, -50);
	assert_int_equal(f->n_ended, 1);
	play(f, rect_sized(300, 250, 640, 360), 20, 1);
	assert_int_equal(f->n_began, 1);
	play(f, rect_sized(300, 250, 640, 360), 40, 1);
	assert_int_equal(f->n_began, 2);
}

static void test_short_pauses_do_not_end_it(void **state)
{
	struct fixture *f = *state;

	play(f, rect_sized(300, 300, 640, 360), 60, 1);
	for (int i = 0; i < 20; i++) {
		play(f, rect_sized(300, 300, 640, 360), 20, 2);
		rest(f, 100 * USEC_PER_MSEC);
	}
	assert_int_equal(f->n_began, 1);
	assert_int_equal(f->n_ended, 0);
}

static void test_it_grows_soon_and_shrinks_late(void **state)
{
	struct fixture *f = *state;
	usec_t since;

	play(f, rect_sized(300, 300, 640, 360), 90, 1);
	assert_int_equal(f->n_changed, 0);
	play(f, rect_sized(300, 300, 1280, 720), 60, 1);
	/* The tiles that it shares with its former self are known to be busy already. */
	assert_in_range(f->n_changed, 1, 2);
	assert_rect(&f->regions[0], 300, 300, 1580, 1020);
	since = f->now;
	f->n_changed = 1;
	while (f->n_changed == 1 && f->now < since + 10 * USEC_PER_SEC)
		play(f, rect_sized(300, 300, 640, 360), 1, 1);
	assert_true(f->now - since >= BUSY_SHRINK_USEC);
	assert_true(f->now - since <= BUSY_SHRINK_USEC + USEC_PER_SEC);
	assert_rect(&f->regions[0], 300, 300, 940, 660);
	assert_int_equal(f->n_began, 1);
}

static void test_a_caret_in_a_film_that_stands_does_not_keep_it(void **state)
{
	struct fixture *f = *state;

	play(f, rect_sized(300, 300, 640, 360), 60, 1);
	for (int i = 0; i < 60; i++) {
		draw(f, rect_sized(500, 500, 2, 17), 2);
		tick(f);
	}
	assert_int_equal(f->n_ended, 1);
}

static void test_dark_parts_and_letters_do_not_tear_it(void **state)
{
	struct fixture *f = *state;
	struct random random = { 5 };

	for (int i = 0; i < 300; i++) {
		for (int y = 320; y < 960; y += TILE) {
			for (int x = 320; x < 1344; x += TILE) {
				bool dark = random_below(&random, 4) == 0;

				draw(f, rect_sized(x, y, TILE, TILE), dark ? 10 : PHOTO);
			}
		}
		tick(f);
	}
	assert_int_equal(f->n_began, 1);
	assert_int_equal(f->n_ended, 0);
	assert_true(f->n_changed <= 2);
	assert_rect(&f->regions[0], 320, 320, 1344, 960);
}

static void test_several_at_once_each_have_their_own_up_to_a_limit(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 120; i++) {
		for (int k = 0; k < 6; k++)
			draw(f, rect_sized(k % 3 * 640, k / 3 * 512, 320, 256), PHOTO);
		tick(f);
	}
	assert_int_equal(f->n_began, BUSY_REGIONS_MAX);
	for (int i = 0; i < BUSY_REGIONS_MAX; i++) {
		assert_int_equal(rect_width(&f->regions[i]), 320);
		for (int k = 0; k < i; k++) {
			struct rect both = rect_intersect(&f->regions[i], &f->regions[k]);

			assert_true(rect_is_empty(&both));
		}
	}
	rest(f, USEC_PER_SEC);
	assert_int_equal(f->n_ended, BUSY_REGIONS_MAX);
}

static void test_scattered_icons_are_none(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 200; i++) {
		for (int k = 0; k < 12; k++) /* a diagonal */
			draw(f, rect_sized(k * TILE, k * TILE, TILE, TILE), PHOTO);
		tick(f);
	}
	assert_int_equal(f->n_began, 0);
}

static void test_odd_screens_clip_it(void **state)
{
	struct fixture *f = *state;

	busy_finish(&f->busy);
	assert_int_equal(busy_init(&f->busy, 701, 399, &events, f), 0);
	play(f, rect_sized(101, 51, 600, 348), 60, 1);
	assert_int_equal(f->n_began, 1);
	assert_rect(&f->regions[0], 100, 50, 701, 399);
	busy_finish(&f->busy);
	assert_int_equal(busy_init(&f->busy, 0, 0, &events, f), 0);
	busy_update(&f->busy, f->now);
	assert_int_equal(busy_next(&f->busy), USEC_NEVER);
}

static void test_random_changes_keep_the_promises(void **state)
{
	struct fixture *f = *state;
	struct random random = { 11 };

	for (int round = 0; round < 60; round++) {
		struct rect rects[3];

		for (int k = 0; k < 3; k++)
			rects[k] = rect_sized(random_below(&random, WIDTH - 400),
				random_below(&random, HEIGHT - 400),
				1 + random_below(&random, 400), 1 + random_below(&random, 400));
		for (int i = 0; i < 90; i++) {
			for (int k = 0; k < 3; k++)
				draw(f, rects[k], PHOTO);
			if (random_below(&random, 100) == 0)
				move(f, rect_sized(500, 500, 300, 300), -200, 5);
			tick(f);
			for (int k = 0; k < BUSY_REGIONS_MAX; k++) {
				const struct rect *a = &f->regions[k];

				assert_memory_equal(a, &f->busy.regions[k].rect, sizeof(*a));
				assert_true(a->left % 2 == 0 && a->top % 2 == 0);
				assert_true(a->right <= WIDTH && a->bottom <= HEIGHT);
				for (int l = 0; l < k; l++) {
					struct rect both = rect_intersect(a, &f->regions[l]);

					assert_true(rect_is_empty(&both));
				}
			}
		}
	}
	rest(f, USEC_PER_SEC);
	assert_int_equal(f->n_began, f->n_ended);
	assert_true(f->n_began > 10);
}

static void test_colours_are_counted(void **state)
{
	static uint32_t pixels[TILE * 100];
	struct rect tile = { 0, 0, TILE, TILE }, small = { 3, 4, 8, 6 };
	struct random random = { 2 };

	(void)state;
	assert_int_equal(busy_count_colours(&tile, pixels, 100), 1);
	for (size_t i = 0; i < ARRAY_SIZE(pixels); i++) /* the top byte is nobody's */
		pixels[i] = (uint32_t)i << 24 | (i % 3 ? 0xffffff : 0);
	assert_int_equal(busy_count_colours(&tile, pixels, 100), 2);
	for (size_t i = 0; i < ARRAY_SIZE(pixels); i++)
		pixels[i] = (uint32_t)random_u64(&random);
	assert_in_range(busy_count_colours(&tile, pixels, 100), PHOTO, BUSY_SAMPLES);
	assert_in_range(busy_count_colours(&small, pixels, 100), 8, 10);
	for (size_t i = 0; i < ARRAY_SIZE(pixels); i++)
		pixels[i] = (uint32_t)random_below(&random, TEXT) * 0x101010;
	assert_in_range(busy_count_colours(&tile, pixels, 100), TEXT - 4, TEXT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_player_window_becomes_a_region_and_comes_to_rest),
		TEST(full_screen_films_of_every_rate_are_regions),
		TEST(what_work_looks_like_is_no_video),
		TEST(scrolls_and_drags_of_photos_are_moves),
		TEST(a_region_that_is_scrolled_away_ends_at_once),
		TEST(short_pauses_do_not_end_it),
		TEST(it_grows_soon_and_shrinks_late),
		TEST(a_caret_in_a_film_that_stands_does_not_keep_it),
		TEST(dark_parts_and_letters_do_not_tear_it),
		TEST(several_at_once_each_have_their_own_up_to_a_limit),
		TEST(scattered_icons_are_none),
		TEST(odd_screens_clip_it),
		TEST(random_changes_keep_the_promises),
		cmocka_unit_test(test_colours_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
