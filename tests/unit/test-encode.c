/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/encode.h"

#include <string.h>

#include "base/mem.h"
#include "unit/inflater.h"
#include "unit/random.h"
#include "unit/test.h"
#include "wire/picture.h"

#define WIDTH 200
#define HEIGHT 150
#define COLOUR 0x00ffffffU

struct fixture {
	struct encoder *encoder;
	struct inflater inflater;
	struct scene scene;
	uint32_t screen[HEIGHT * WIDTH];
	usec_t now;
	struct picture picture; /* the viewer's */
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	f->encoder = encoder_create(&encode_tiles, NULL, NULL, NULL);
	assert_non_null(f->encoder);
	assert_int_equal(encoder_resize(f->encoder, WIDTH, HEIGHT), 0);
	f->scene = (struct scene){ .width = WIDTH, .height = HEIGHT, .pixels = f->screen };
	f->now = USEC_PER_SEC;
	inflater_init(&f->inflater);
	assert_int_equal(picture_resize(&f->picture, WIDTH, HEIGHT), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	inflater_finish(&f->inflater);
	picture_finish(&f->picture);
	encoder_destroy(f->encoder);
	free(f);
	return 0;
}

/* Tile by tile, as a region has it. */
static void add(struct fixture *f, const struct rect *rect)
{
	for (int y = rect->top / 64 * 64; y < rect->bottom; y += 64) {
		for (int x = rect->left / 64 * 64; x < rect->right; x += 64) {
			struct rect tile = rect_sized(x, y, 64, 64);
			struct rect box = rect_intersect(rect, &tile);

			assert_int_equal(encoder_add(f->encoder, &f->scene, &box, f->now), 0);
		}
	}
}

/* Returns the body's size. */
static size_t send(struct fixture *f)
{
	struct encode_body body = { 0 };

	assert_int_equal(encoder_take(f->encoder, &body), 0);
	assert_true(body.n > 0);
	memset(body.block, 0xee, ENCODE_HEADROOM); /* ours to write */
	inflater_take(&f->inflater, body.block + ENCODE_HEADROOM, body.n);
	free(body.block);
	assert_int_equal(picture_apply(&f->picture, f->inflater.bytes, f->inflater.n), 0);
	return body.n;
}

static void assert_same(const struct fixture *f, const struct rect *rect)
{
	for (int y = rect->top; y < rect->bottom; y++) {
		for (int x = rect->left; x < rect->right; x++)
			assert_int_equal(f->picture.pixels[y * WIDTH + x],
				f->screen[y * WIDTH + x] & COLOUR);
	}
}

/* Noise of @n colours, with the top byte undefined as an X server leaves it. */
static void fill(struct fixture *f, struct random *random, const struct rect *rect, int n)
{
	uint32_t colours[320];

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

		fill(f, &random, &rect, 1 + i % 20 * 16);
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
		fill(f, &random, &rect, 300);
		add(f, &rect);
	}
	assert_true(encoder_work(f->encoder) > 60 * 64 * 64 * 2);
	assert_true(send(f) > 100000);
	assert_same(f, &rect);
	assert_int_equal(encoder_work(f->encoder), 0);
	fill(f, &random, &rect, 1);
	add(f, &rect);
	assert_true(send(f) < 60);
	assert_same(f, &rect);
}

static void test_what_was_sent_before_costs_little(void **state)
{
	struct fixture *f = *state;
	struct rect letter = { 64, 64, 76, 84 }, other = { 140, 70, 152, 90 };
	struct random random = { 7 };

	fill(f, &random, &letter, 2);
	add(f, &letter);
	send(f);
	for (int y = 0; y < 20; y++)
		memcpy(&f->screen[(70 + y) * WIDTH + 140], &f->screen[(64 + y) * WIDTH + 64],
			12 * sizeof(uint32_t));
	add(f, &other);
	assert_true(send(f) < 20);
	assert_same(f, &other);
}

static size_t send_tiles(struct fixture *f, struct random *random, int noise)
{
	struct rect screen = { 0, 0, WIDTH, HEIGHT };

	for (int y = 0; y < HEIGHT; y++) {
		for (int x = 0; x < WIDTH; x++) {
			uint32_t value = (uint32_t)(x + y + random_below(random, noise));

			f->screen[y * WIDTH + x] = value | (value + value / 3) << 8 | value << 16;
		}
	}
	add(f, &screen);
	return send(f);
}

/* Photographs and letters take turns: so do the compressor's strategies, in the same stream. */
static void test_noise_between_smooth_tiles_is_exact(void **state)
{
	struct fixture *f = *state;
	struct rect screen = { 0, 0, WIDTH, HEIGHT }, noisy = { 64, 0, 128, 64 };
	struct random random = { 12 };

	for (int i = 0; i < 50; i++) {
		size_t n = send_tiles(f, &random, 1 + i % 3 * 30);

		assert_same(f, &screen);
		assert_true(n < WIDTH * HEIGHT * 3 / 2);
		fill(f, &random, &noisy, 300);
		add(f, &noisy);
		fill(f, &random, &(struct rect){ 0, 0, 20, 20 }, 2);
		add(f, &(struct rect){ 0, 0, 20, 20 });
		send(f);
		assert_same(f, &screen);
	}
}

/* A window comes and goes: its tiles, and those below it, cost references only. */
static void test_a_picture_seen_before_costs_references(void **state)
{
	struct fixture *f = *state;
	struct rect screen = { 0, 0, WIDTH, HEIGHT };
	struct random random = { 8 };
	static uint32_t pictures[2][HEIGHT * WIDTH];
	size_t first = 0, again;

	for (int i = 0; i < 2; i++) {
		fill(f, &random, &screen, 30);
		memcpy(pictures[i], f->screen, sizeof(f->screen));
		add(f, &screen);
		first = send(f);
		f->now += USEC_PER_SEC;
	}
	for (int i = 0; i < 6; i++) {
		memcpy(f->screen, pictures[i % 2], sizeof(f->screen));
		add(f, &screen);
		again = send(f);
		f->now += USEC_PER_SEC;
		assert_same(f, &screen);
		/* In the first turn the second picture is stored. */
		assert_true(again * 20 < first);
	}
}

static void test_after_a_restart_nothing_refers_to_before(void **state)
{
	struct fixture *f = *state;
	struct rect screen = { 0, 0, WIDTH, HEIGHT };
	struct random random = { 9 };
	struct inflater newcomer;
	struct encode_body body = { 0 };

	fill(f, &random, &screen, 30);
	add(f, &screen);
	send(f);
	f->now += USEC_PER_SEC;
	fill(f, &random, &screen, 3);
	add(f, &screen);
	send(f);
	encoder_restart(f->encoder);
	add(f, &screen);
	assert_int_equal(encoder_take(f->encoder, &body), 0);
	inflater_init(&newcomer);
	inflater_take(&newcomer, body.block + ENCODE_HEADROOM, body.n);
	assert_int_equal(picture_resize(&f->picture, WIDTH, HEIGHT), 0);
	assert_int_equal(picture_apply(&f->picture, newcomer.bytes, newcomer.n), 0);
	assert_same(f, &screen);
	inflater_finish(&newcomer);
	/* Who was there before goes on as well. */
	inflater_take(&f->inflater, body.block + ENCODE_HEADROOM, body.n);
	free(body.block);
	assert_int_equal(picture_apply(&f->picture, f->inflater.bytes, f->inflater.n), 0);
}

static void shift(struct fixture *f, const struct scene_move *move)
{
	static uint32_t before[HEIGHT * WIDTH];

	memcpy(before, f->screen, sizeof(before));
	for (int y = move->to.top; y < move->to.bottom; y++) {
		for (int x = move->to.left; x < move->to.right; x++)
			f->screen[y * WIDTH + x] = before[(y - move->dy) * WIDTH + x - move->dx];
	}
	assert_int_equal(encoder_move(f->encoder, move), 0);
}

/* Moves, rectangles, pictures that come back, new screens, in any order and at any time. */
static void test_any_order_of_operations_is_exact(void **state)
{
	struct fixture *f = *state;
	struct rect screen = { 0, 0, WIDTH, HEIGHT };
	static uint32_t kept[HEIGHT * WIDTH];
	struct random random = { 10 };

	fill(f, &random, &screen, 5);
	add(f, &screen);
	send(f);
	for (int i = 0; i < 2000; i++) {
		int width = 1 + random_below(&random, WIDTH);
		int height = 1 + random_below(&random, HEIGHT);
		struct rect rect = rect_sized(random_below(&random, WIDTH - width + 1),
			random_below(&random, HEIGHT - height + 1), width, height);
		struct scene_move move = { .to = rect };

		f->now += (usec_t)random_below(&random, 300) * USEC_PER_MSEC;
		switch (random_below(&random, 8)) {
		case 0:
			fill(f, &random, &rect, 1 + random_below(&random, 64));
			add(f, &rect);
			break;
		case 1:
			memcpy(kept, f->screen, sizeof(kept));
			break;
		case 2: /* back to what was kept */
			memcpy(f->screen, kept, sizeof(kept));
			add(f, &screen);
			break;
		case 3:
			if (i % 50)
				break;
			assert_int_equal(encoder_resize(f->encoder, WIDTH, HEIGHT), 0);
			assert_int_equal(picture_resize(&f->picture, WIDTH, HEIGHT), 0);
			add(f, &screen);
			break;
		case 4:
			send(f);
			encoder_restart(f->encoder);
			break;
		default:
			move.dx = rect.left - random_below(&random, WIDTH - width + 1);
			move.dy = rect.top - random_below(&random, HEIGHT - height + 1);
			shift(f, &move);
			break;
		}
		if (random_below(&random, 3) == 0) {
			send(f);
			assert_same(f, &screen);
		}
	}
}

static void test_fake_paints_the_first_pixel(void **state)
{
	struct encoder *encoder = encoder_create(&encode_fake, NULL, NULL, NULL);
	struct rect rect = { 3, 4, 5, 6 };
	uint32_t pixels[8][8] = { 0 };
	struct scene scene = { .width = 8, .height = 8, .pixels = &pixels[0][0] };
	struct encode_body body = { 0 };

	(void)state;
	assert_non_null(encoder);
	pixels[4][3] = 0x445566;
	assert_int_equal(encoder_add(encoder, &scene, &rect, 0), 0);
	assert_int_equal(encoder_take(encoder, &body), 0);
	assert_int_equal(body.n, 10);
	assert_memory_equal(body.block + ENCODE_HEADROOM, "\x00\x03\x00\x04\x00\x01\x01\x44\x55\x66", 10);
	free(body.block);
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
		TEST(noise_between_smooth_tiles_is_exact),
		TEST(a_picture_seen_before_costs_references),
		TEST(after_a_restart_nothing_refers_to_before),
		TEST(any_order_of_operations_is_exact),
		cmocka_unit_test(test_fake_paints_the_first_pixel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
