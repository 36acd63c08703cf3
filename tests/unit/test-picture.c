/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/picture.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "unit/test.h"

#define WIDTH 5
#define HEIGHT 4

static int setup(void **state)
{
	struct picture *picture = xnew(struct picture);

	assert_int_equal(picture_resize(picture, WIDTH, HEIGHT), 0);
	*state = picture;
	return 0;
}

static int teardown(void **state)
{
	picture_finish(*state);
	free(*state);
	return 0;
}

#define APPLY(picture, ...)                                                                    \
	picture_apply(picture, (const uint8_t[]){ __VA_ARGS__ },                               \
		sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void test_rectangles_are_painted(void **state)
{
	struct picture *p = *state;
	static const uint32_t want[HEIGHT][WIDTH] = {
		{ 0x112233, 0x112233, 0, 0, 0 },
		{ 0x112233, 0x112233, 0xffffff, 0, 0xffffff },
		{ 0, 0, 0, 0xffffff, 0 },
		{ 0x010203, 0, 0, 0, 0 },
	};

	/* 2 x 2 solid, then 3 x 2 of two colours, then one raw pixel. */
	assert_int_equal(APPLY(p, 0, 0, 0, 0, 0, 1, 1, 0x11, 0x22, 0x33), 0);
	assert_int_equal(
		APPLY(p, 1, 2, 0, 1, 0, 2, 1, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xa0, 0x40), 0);
	assert_int_equal(APPLY(p, 2, 0, 0, 3, 0, 0, 0, 1, 2, 3), 0);
	assert_memory_equal(p->pixels, want, sizeof(want));
	assert_int_equal(p->filled, 4 + 6 + 1);
}

static void test_palettes_of_17_colours_have_a_byte_a_pixel(void **state)
{
	struct picture *p = *state;
	uint8_t bytes[8 + 17 * 3 + 2] = { 1, 1, 0, 0, 0, 1, 0, 16 };

	bytes[8 + 16 * 3] = 0xab; /* red of the last */
	bytes[8 + 17 * 3] = 16;
	bytes[8 + 17 * 3 + 1] = 15;
	assert_int_equal(picture_apply(p, bytes, sizeof(bytes)), 0);
	assert_int_equal(p->pixels[1], 0xab0000);
	assert_int_equal(p->pixels[2], 0);
	bytes[8 + 17 * 3 + 1] = 17;
	assert_int_equal(picture_apply(p, bytes, sizeof(bytes)), -EBADMSG);
}

/* The planes: green, red less green, blue less green; each pixel less the one on its left. */
static void test_deltas_add_up_from_the_left_and_from_above(void **state)
{
	struct picture *p = *state;

	assert_int_equal(APPLY(p, 3, 1, 0, 1, 0, 1, 1, //
				 0x20, 0x01, 0xff, 0x00, //
				 0xf0, 0x00, 0x02, 0x00, //
				 0x10, 0x00, 0x00, 0x01),
		0);
	assert_int_equal(p->pixels[1 * WIDTH + 1], 0x102030);
	assert_int_equal(p->pixels[1 * WIDTH + 2], 0x112131);
	assert_int_equal(p->pixels[2 * WIDTH + 1], 0x111f2f);
	assert_int_equal(p->pixels[2 * WIDTH + 2], 0x111f30);
	assert_int_equal(p->filled, 4);
}

static void fill_with_numbers(struct picture *p)
{
	for (uint32_t i = 0; i < WIDTH * HEIGHT; i++)
		p->pixels[i] = i;
}

/* In every direction onto itself. */
static void test_copies_read_what_was_there_before(void **state)
{
	struct picture *p = *state;

	for (int dy = -1; dy <= 1; dy++) {
		for (int dx = -1; dx <= 1; dx++) {
			fill_with_numbers(p);
			assert_int_equal(APPLY(p, 4, 1, 0, 1, 0, 3, 0, 2, 0, (uint8_t)(1 - dx), 0,
						 (uint8_t)(1 - dy), 0),
				0);
			for (int y = 0; y < HEIGHT; y++) {
				for (int x = 0; x < WIDTH; x++) {
					bool in = x >= 1 && x < 4 && y >= 1 && y < 3;
					int from = in ? (y - dy) * WIDTH + x - dx
						      : y * WIDTH + x;

					assert_int_equal(p->pixels[y * WIDTH + x], from);
				}
			}
		}
	}
	assert_int_equal(p->filled, 9 * 6);
}

static void test_slots_keep_a_tile_as_it_was(void **state)
{
	struct picture *p = *state;
	uint32_t before[WIDTH * HEIGHT];

	fill_with_numbers(p);
	memcpy(before, p->pixels, sizeof(before));
	assert_int_equal(APPLY(p, 5, 0, 0, 0, 0, 0xff, 0x07), 0);
	assert_int_equal(APPLY(p, 0, 0, 0, 0, 0, 4, 3, 1, 2, 3), 0);
	assert_int_equal(p->pixels[7], 0x010203);
	assert_int_equal(APPLY(p, 6, 0, 0, 0, 0, 0xff, 0x07), 0);
	assert_memory_equal(p->pixels, before, sizeof(before));
	/* Overwritten. */
	assert_int_equal(APPLY(p, 0, 0, 0, 0, 0, 4, 3, 1, 2, 3, 5, 0, 0, 0, 0, 0xff, 0x07), 0);
	fill_with_numbers(p);
	assert_int_equal(APPLY(p, 6, 0, 0, 0, 0, 0xff, 0x07), 0);
	assert_int_equal(p->pixels[7], 0x010203);
}

static void test_tiles_at_the_edges_are_smaller(void **state)
{
	struct picture *p = *state;

	assert_int_equal(picture_resize(p, 64 + 5, 64 + 3), 0);
	p->pixels[66 * 69 + 68] = 0x123456; /* the last */
	assert_int_equal(APPLY(p, 5, 1, 0, 1, 0, 9, 0), 0);
	p->pixels[66 * 69 + 68] = 0;
	assert_int_equal(APPLY(p, 6, 1, 0, 1, 0, 9, 0), 0);
	assert_int_equal(p->pixels[66 * 69 + 68], 0x123456);
	assert_int_equal(p->filled, 5 * 3);
	/* Another tile is of another size. */
	assert_int_equal(APPLY(p, 6, 0, 0, 1, 0, 9, 0), -EBADMSG);
	assert_int_equal(APPLY(p, 6, 1, 0, 0, 0, 9, 0), -EBADMSG);
}

static void test_a_new_screen_is_black_and_its_slots_are_empty(void **state)
{
	struct picture *p = *state;

	fill_with_numbers(p);
	assert_int_equal(APPLY(p, 5, 0, 0, 0, 0, 3, 0), 0);
	assert_int_equal(picture_resize(p, WIDTH, HEIGHT), 0);
	assert_int_equal(p->pixels[7], 0);
	assert_int_equal(APPLY(p, 6, 0, 0, 0, 0, 3, 0), -EBADMSG);
	assert_int_equal(picture_resize(p, 0, 0), 0);
	assert_int_equal(APPLY(p, 5, 0, 0, 0, 0, 3, 0), -EBADMSG);
	assert_int_equal(picture_apply(p, (const uint8_t *)"", 0), 0);
}

static void test_operations_off_the_screen_or_malformed_are_refused(void **state)
{
	static const struct {
		uint8_t bytes[32];
		size_t n;
	} cases[] = {
		{ { 0, 4, 0, 0, 0, 1, 0, 1, 2, 3 }, 10 },		/* right edge */
		{ { 0, 0, 0, 3, 0, 0, 1, 1, 2, 3 }, 10 },		/* bottom edge */
		{ { 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 1, 2, 3 }, 10 },	/* far away */
		{ { 0, 0, 0, 0, 0, 64, 0, 1, 2, 3 }, 10 },		/* 65 wide */
		{ { 7, 0, 0, 0, 0, 0, 0, 1, 2, 3 }, 10 },		/* kind */
		{ { 0, 0, 0, 0, 0, 0, 0, 1, 2 }, 9 },			/* short */
		{ { 0, 0, 0 }, 3 },
		{ { 2, 0, 0, 0, 0, 0, 0, 1, 2 }, 9 },
		{ { 3, 0, 0, 0, 0, 0, 0, 1, 2 }, 9 },
		{ { 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0 }, 12 },		/* one colour */
		{ { 1, 0, 0, 0, 0, 0, 0, 2, 1, 1, 1, 2, 2, 2, 3, 3, 3, 0xc0 }, 18 }, /* index 3 */
		{ { 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2 }, 14 },	/* no rows */
		{ { 4, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0 }, 12 },		/* short */
		{ { 4, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0 }, 13 },	/* 0 wide */
		{ { 4, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0 }, 13 },	/* 0 high */
		{ { 4, 4, 0, 0, 0, 2, 0, 1, 0, 0, 0, 0, 0 }, 13 },	/* to the right of it */
		{ { 4, 0, 0, 0, 0, 2, 0, 1, 0, 4, 0, 0, 0 }, 13 },	/* from there */
		{ { 4, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 3, 0 }, 13 },	/* from below */
		{ { 5, 0, 0, 0, 0, 0 }, 6 },				/* short */
		{ { 5, 1, 0, 0, 0, 0, 0 }, 7 },				/* no such column */
		{ { 5, 0, 0, 1, 0, 0, 0 }, 7 },				/* nor row */
		{ { 5, 0, 0, 0, 0, 0, 8 }, 7 },				/* slot 2048 */
		{ { 6, 0, 0, 0, 0, 0, 8 }, 7 },
		{ { 6, 0, 0, 0, 0, 0, 0 }, 7 },				/* it is empty */
	};
	struct picture *p = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(picture_apply(p, cases[i].bytes, cases[i].n), -EBADMSG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rectangles_are_painted),
		TEST(palettes_of_17_colours_have_a_byte_a_pixel),
		TEST(deltas_add_up_from_the_left_and_from_above),
		TEST(copies_read_what_was_there_before),
		TEST(slots_keep_a_tile_as_it_was),
		TEST(tiles_at_the_edges_are_smaller),
		TEST(a_new_screen_is_black_and_its_slots_are_empty),
		TEST(operations_off_the_screen_or_malformed_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
