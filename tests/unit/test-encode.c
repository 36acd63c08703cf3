/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/encode.h"

#include <string.h>

#include "base/mem.h"
#include "unit/inflater.h"
#include "unit/random.h"
#include "unit/test.h"
#include "wire/stream.h"

#define WIDTH 200
#define HEIGHT 150
#define COLOUR 0x00ffffffU

struct fixture {
	struct encoder *encoder;
	struct inflater inflater;
	uint32_t screen[HEIGHT * WIDTH];
	uint32_t picture[HEIGHT * WIDTH]; /* the viewer's */
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	f->encoder = encoder_create(&encode_tiles);
	assert_non_null(f->encoder);
	inflater_init(&f->inflater);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	inflater_finish(&f->inflater);
	encoder_destroy(f->encoder);
	free(f);
	return 0;
}

static void add(struct fixture *f, const struct rect *rect)
{
	assert_int_equal(encoder_add(f->encoder, rect,
				 &f->screen[rect->top * WIDTH + rect->left], WIDTH),
		0);
}

/* Returns the body's size. */
static size_t send(struct fixture *f)
{
	uint8_t *body;
	size_t n;

	assert_int_equal(encoder_take(f->encoder, &body, &n), 0);
	assert_true(n > 0);
	memset(body - ENCODE_HEADROOM, 0xee, ENCODE_HEADROOM); /* ours to write */
	inflater_take(&f->inflater, body, n);
	assert_int_equal(stream_decode_rects(f->inflater.bytes, f->inflater.n, f->picture, WIDTH,
				 HEIGHT),
		0);
	return n;
}

static void assert_same(const struct fixture *f, const struct rect *rect)
{
	for (int y = rect->top; y < rect->bottom; y++) {
		for (int x = rect->left; x < rect->right; x++)
			assert_int_equal(f->picture[y * WIDTH + x],
				f->screen[y * WIDTH + x] & COLOUR);
	}
}

/* Noise of @n colours, with the top byte undefined as an X server leaves it. */
static void fill(struct fixture *f, struct random *random, const struct rect *rect, int n)
{
	uint32_t colours[64];

	for (int i = 0; i < n; i++)
		colours[i] = (uint32_t)random_u64(random) & COLOUR;
	for (int y = rect->top; y < rect->bottom; y++) {
		for (int x = rect->left; x < rect->right; x++)
			f->screen[y * WIDTH + x] = colours[random_below(random, n)]
						   | (uint32_t)random_u64(random) << 24;
	}
}

static void test_every_kind_and_size_comes_back_exact(void **state)
{
	struct fixture *f = *state;
	struct random random = { 4 };

	for (int i = 0; i < 3000; i++) {
		int width = 1 + random_below(&random, 64), height = 1 + random_below(&random, 64);
		struct rect rect = rect_sized(random_below(&random, WIDTH - width + 1),
			random_below(&random, HEIGHT - height + 1), width, height);

		fill(f, &random, &rect, 1 + i % 20);
		add(f, &rect);
		if (random_below(&random, 3) == 0)
			continue;
		send(f);
		assert_same(f, &rect);
	}
	send(f);
	assert_same(f, &(struct rect){ 0, 0, WIDTH, HEIGHT });
}

static void test_body_without_rectangles_is_no_change(void **state)
{
	struct fixture *f = *state;
	struct rect rect = { 0, 0, 30, 30 };
	struct random random = { 5 };

	send(f);
	send(f);
	assert_int_equal(f->inflater.n, 0);
	fill(f, &random, &rect, 5);
	add(f, &rect);
	send(f);
	send(f);
	assert_int_equal(f->inflater.n, 0);
	assert_same(f, &rect);
}

static void test_large_bodies_grow_and_small_ones_follow(void **state)
{
	struct fixture *f = *state;
	struct rect rect = { 100, 50, 164, 114 };
	struct random random = { 6 };

	for (int i = 0; i < 60; i++) {
		fill(f, &random, &rect, 64);
		add(f, &rect);
	}
	assert_true(encoder_work(f->encoder) > 60 * 64 * 64 * 3);
	assert_true(send(f) > 100000);
	assert_same(f, &rect);
	assert_int_equal(encoder_work(f->encoder), 0);
	fill(f, &random, &rect, 1);
	add(f, &rect);
	assert_true(send(f) < 30);
	assert_same(f, &rect);
}

static void test_what_was_sent_before_costs_little(void **state)
{
	struct fixture *f = *state;
	struct rect rect = { 64, 64, 76, 84 };
	struct random random = { 7 };

	fill(f, &random, &rect, 2);
	add(f, &rect);
	send(f);
	add(f, &rect);
	assert_true(send(f) < 16);
}

static void test_fake_paints_the_first_pixel(void **state)
{
	struct encoder *encoder = encoder_create(&encode_fake);
	struct rect rect = { 3, 4, 5, 6 };
	uint32_t pixels[2][2] = { { 0x445566 } };
	uint8_t *body;
	size_t n;

	(void)state;
	assert_non_null(encoder);
	assert_int_equal(encoder_add(encoder, &rect, &pixels[0][0], 2), 0);
	assert_int_equal(encoder_take(encoder, &body, &n), 0);
	assert_int_equal(n, 10);
	assert_memory_equal(body, "\x00\x03\x00\x04\x00\x01\x01\x44\x55\x66", 10);
	encoder_destroy(encoder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_kind_and_size_comes_back_exact),
		TEST(body_without_rectangles_is_no_change),
		TEST(large_bodies_grow_and_small_ones_follow),
		TEST(what_was_sent_before_costs_little),
		cmocka_unit_test(test_fake_paints_the_first_pixel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
