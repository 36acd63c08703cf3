/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/video/codec.h"

#include <errno.h>

#include "base/mem.h"
#include "unit/picture-decoder.h"
#include "unit/random.h"
#include "unit/test.h"

static const struct codec_impl *const impls[] = { &codec_jpeg, &codec_vp9, &codec_h264 };

struct fixture {
	struct codec *codec;
	struct picture_decoder *decoder;
	struct codec_output out;
	double psnr;
};

static struct fixture begin(const struct codec_impl *impl)
{
	struct fixture f = { .codec = codec_create(impl) };

	assert_non_null(f.codec);
	f.decoder = picture_decoder_create(impl->id);
	return f;
}

static void end(struct fixture *f)
{
	picture_decoder_destroy(f->decoder);
	codec_destroy(f->codec);
}

/* Smooth colours that move on with @t; the top byte is what an X server leaves there. */
static void draw(uint32_t *pixels, size_t stride, unsigned width, unsigned height, unsigned t)
{
	for (unsigned y = 0; y < height; y++) {
		for (unsigned x = 0; x < width; x++) {
			unsigned r = (x + t * 3) & 255, b = (y * 2 + t) & 255;

			r = r < 128 ? r * 2 : 510 - r * 2;
			b = b < 128 ? b * 2 : 510 - b * 2;
			pixels[y * stride + x] = (x * y) << 24 | r << 16 | (r + b) / 2 << 8 | b;
		}
	}
}

/* As a viewer enlarges it: each pixel four times. */
static void enlarge(uint32_t *to, const uint32_t *half, unsigned width, unsigned height)
{
	for (unsigned y = 0; y < height; y++) {
		for (unsigned x = 0; x < width; x++)
			to[y * width + x] = half[y / 2 * codec_half(width) + x / 2];
	}
}

static void pass(struct fixture *f, const struct codec_input *in)
{
	size_t n = (size_t)in->width * in->height;
	CLEANUP(free) uint32_t *seen = xalloc(n, sizeof(*seen));
	CLEANUP(free) uint32_t *sent = xalloc(n, sizeof(*sent));

	assert_int_equal(codec_load(f->codec, in), 0);
	assert_int_equal(codec_encode(f->codec, &f->out), 0);
	assert_true(f->out.n > 0);
	if (in->half) {
		CLEANUP(free) uint32_t *half = xalloc(n, sizeof(*half));

		assert_true(picture_decode(f->decoder, f->out.bytes, f->out.n, half,
			codec_half(in->width), codec_half(in->height)));
		enlarge(seen, half, in->width, in->height);
	} else {
		assert_true(picture_decode(
			f->decoder, f->out.bytes, f->out.n, seen, in->width, in->height));
	}
	for (unsigned y = 0; y < in->height; y++)
		memcpy(sent + (size_t)y * in->width, in->pixels + y * in->stride,
			in->width * sizeof(*sent));
	f->psnr = picture_psnr(sent, seen, n);
}

static void test_moving_pictures_come_back_and_only_the_first_is_a_key_picture(void **state)
{
	enum { WIDTH = 320, HEIGHT = 180, STRIDE = WIDTH + 7 };
	CLEANUP(free) uint32_t *pixels = xalloc((size_t)STRIDE * HEIGHT, sizeof(*pixels));

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(impls); i++) {
		struct fixture f = begin(impls[i]);

		for (unsigned t = 0; t < 40; t++) {
			struct codec_input in = { pixels, STRIDE, WIDTH, HEIGHT, false, 0, 0, false };

			draw(pixels, STRIDE, WIDTH, HEIGHT, t);
			pass(&f, &in);
			assert_true(f.psnr >= 35);
			assert_int_equal(f.out.key, t == 0 || impls[i] == &codec_jpeg);
		}
		end(&f);
	}
}

static void test_a_key_picture_when_asked_and_after_another_size(void **state)
{
	CLEANUP(free) uint32_t *pixels = xalloc(640 * 360, sizeof(*pixels));
	static const struct {
		unsigned width, height;
		bool key, expected;
	} cases[] = {
		{ 640, 360, false, true },
		{ 640, 360, false, false },
		{ 640, 360, true, true },
		{ 640, 360, false, false },
		{ 320, 360, false, true },
		{ 320, 360, false, false },
		{ 640, 360, true, true },
		{ 640, 360, false, false },
	};

	(void)state;
	draw(pixels, 640, 640, 360, 0);
	for (size_t i = 1; i < ARRAY_SIZE(impls); i++) {
		struct fixture f = begin(impls[i]);

		for (size_t j = 0; j < ARRAY_SIZE(cases); j++) {
			struct codec_input in = { pixels, 640, cases[j].width, cases[j].height,
				cases[j].key, 0, 0, false };

			if (cases[j].expected) { /* it really needs nothing that came before */
				picture_decoder_destroy(f.decoder);
				f.decoder = picture_decoder_create(impls[i]->id);
			}
			pass(&f, &in);
			assert_int_equal(f.out.key, cases[j].expected);
			assert_true(f.psnr >= 35);
		}
		end(&f);
	}
}

static void test_odd_and_extreme_sizes_are_coded_or_refused(void **state)
{
	static const struct {
		unsigned width, height;
	} sizes[] = { { 1, 1 }, { 2, 2 }, { 15, 16 }, { 17, 33 }, { 97, 65 }, { 64, 64 },
		{ 16384, 16 }, { 16, 16384 }, { 0, 0 }, { 16, 0 }, { 70000, 1 }, { 4096, 2305 },
		{ 65536, 65536 } };
	CLEANUP(free) uint32_t *pixels = xalloc(16384 * 16, sizeof(*pixels));

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(impls); i++) {
		struct fixture f = begin(impls[i]);

		for (size_t j = 0; j < ARRAY_SIZE(sizes); j++) {
			struct codec_input in = { pixels, sizes[j].width, sizes[j].width,
				sizes[j].height, false, 0, 0, false };

			if (!codec_takes(impls[i], in.width, in.height)) {
				assert_int_equal(codec_load(f.codec, &in), -ERANGE);
				continue;
			}
			if ((size_t)in.width * in.height > 16384 * 16)
				continue;
			draw(pixels, in.stride, in.width, in.height, 0);
			for (int t = 0; t < 3; t++)
				pass(&f, &in);
			assert_true(f.psnr >= 28);
		}
		end(&f);
	}
	assert_true(codec_takes(&codec_vp9, 1, 1));
	assert_true(codec_takes(&codec_vp9, 16384, 16));
	assert_true(codec_takes(&codec_jpeg, 1, 1));
	assert_true(codec_takes(&codec_jpeg, 16384, 16));
	assert_false(codec_takes(&codec_h264, 15, 16));
	assert_true(codec_takes(&codec_h264, 1920, 1080));
	assert_false(codec_takes(&codec_h264, 16384, 16));
}

/* Odd sides, too; and a change of size is a key picture, as with any other. */
static void test_half_of_a_picture_is_coded_for_all_of_it(void **state)
{
	static const struct {
		unsigned width, height;
	} sizes[] = { { 640, 360 }, { 161, 95 }, { 160, 33 }, { 33, 160 } };
	CLEANUP(free) uint32_t *pixels = xalloc(640 * 360, sizeof(*pixels));

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(impls); i++) {
		struct fixture f = begin(impls[i]);

		for (size_t j = 0; j < ARRAY_SIZE(sizes); j++) {
			struct codec_input in = { pixels, sizes[j].width, sizes[j].width,
				sizes[j].height, false, 0, 0, false };

			draw(pixels, in.stride, in.width, in.height, 0);
			for (int t = 0; t < 4; t++) {
				in.half = t >= 2;
				pass(&f, &in);
				assert_int_equal(f.out.half, in.half);
				assert_true(f.psnr >= 28);
				assert_true(f.out.key == (t % 2 == 0) || impls[i] == &codec_jpeg);
			}
		}
		assert_int_equal(codec_load(f.codec, &(struct codec_input){ pixels, 1, 1, 1,
						     false, 0, 0, true }), -ERANGE);
		end(&f);
	}
}

static void test_bytes_follow_the_target(void **state)
{
	enum { WIDTH = 640, HEIGHT = 360, N = 60 };
	CLEANUP(free) uint32_t *pixels = xalloc((size_t)WIDTH * HEIGHT, sizeof(*pixels));
	struct random random = { 3 };

	(void)state;
	for (size_t i = 1; i < ARRAY_SIZE(impls); i++) {
		struct fixture f = begin(impls[i]);
		size_t sums[2] = { 0 };

		for (int t = 0; t < N; t++) {
			struct codec_input in = { pixels, WIDTH, WIDTH, HEIGHT, false,
				t < N / 2 ? 24000 : 12000, 0, false };

			draw(pixels, WIDTH, WIDTH, HEIGHT, (unsigned)t);
			for (int k = 0; k < WIDTH * HEIGHT; k++)
				pixels[k] ^= (uint32_t)random_below(&random, 64) * 0x010101;
			pass(&f, &in);
			if (t % (N / 2) >= N / 6)
				sums[t / (N / 2)] += f.out.n / (N / 3);
		}
		assert_in_range(sums[0], 24000 / 2, 24000 * 3 / 2);
		assert_in_range(sums[1], 12000 / 2, 12000 * 3 / 2);
		end(&f);
	}
}

static void test_a_jpeg_of_less_quality_has_fewer_bytes(void **state)
{
	enum { WIDTH = 320, HEIGHT = 180 };
	CLEANUP(free) uint32_t *pixels = xalloc((size_t)WIDTH * HEIGHT, sizeof(*pixels));
	struct fixture f = begin(&codec_jpeg);
	struct codec_input in = { .pixels = pixels,
		.stride = WIDTH,
		.width = WIDTH,
		.height = HEIGHT,
		.quality = 50 };
	size_t least;

	(void)state;
	draw(pixels, WIDTH, WIDTH, HEIGHT, 0);
	pass(&f, &in);
	least = f.out.n;
	in.quality = 0;
	pass(&f, &in);
	assert_true(f.out.n > least * 3 / 2);
	in.quality = 50;
	pass(&f, &in);
	assert_int_equal(f.out.n, least);
	end(&f);
}

/* But not below what is worth looking at: it says how far it would go. */
static void test_jpegs_of_a_film_follow_the_target_down_to_a_least_quality(void **state)
{
	enum { WIDTH = 320, HEIGHT = 180, N = 12 };
	CLEANUP(free) uint32_t *pixels = xalloc((size_t)WIDTH * HEIGHT, sizeof(*pixels));
	struct fixture f = begin(&codec_jpeg);
	struct codec_input in = {
		.pixels = pixels, .stride = WIDTH, .width = WIDTH, .height = HEIGHT };
	struct random random = { 3 };
	size_t best, least;

	(void)state;
	draw(pixels, WIDTH, WIDTH, HEIGHT, 0);
	for (int k = 0; k < WIDTH * HEIGHT; k++)
		pixels[k] ^= (uint32_t)random_below(&random, 64) * 0x010101;
	pass(&f, &in);
	best = f.out.n;
	assert_in_range(f.out.n_least, 1, best / 2);
	in.target_bytes = 1;
	for (int i = 0; i < N; i++)
		pass(&f, &in);
	least = f.out.n;
	assert_in_range(least, best / 10, best / 2);
	assert_int_equal(f.out.n_least, least);
	assert_true(f.psnr > 20);
	in.target_bytes = (best + least) / 2;
	for (int i = 0; i < N; i++)
		pass(&f, &in);
	assert_in_range(f.out.n, in.target_bytes * 9 / 10, in.target_bytes * 11 / 10);
	assert_in_range(f.out.n_least, least / 2, least * 2);
	in.target_bytes = best * 10;
	for (int i = 0; i < N; i++)
		pass(&f, &in);
	assert_int_equal(f.out.n, best);
	end(&f);
}

static void test_nothing_is_encoded_twice_or_without_a_picture(void **state)
{
	uint32_t pixels[16 * 16] = { 0 };
	struct codec_input in = { pixels, 16, 16, 16, false, 0, 0, false };
	struct codec_input large = in;
	struct codec_output out;

	(void)state;
	large.width = 1000000;
	for (size_t i = 0; i < ARRAY_SIZE(impls); i++) {
		struct fixture f = begin(impls[i]);

		assert_int_equal(codec_encode(f.codec, &out), -EINVAL);
		pass(&f, &in);
		assert_int_equal(codec_encode(f.codec, &out), -EINVAL);
		assert_int_equal(codec_load(f.codec, &large), -ERANGE);
		pass(&f, &in);
		end(&f);
	}
	codec_destroy(NULL);
}

static void test_jpeg_keeps_the_edges_of_coloured_text(void **state)
{
	uint32_t pixels[64 * 64];
	struct codec_input in = { pixels, 64, 64, 64, false, 0, 0, false };
	struct fixture f = begin(&codec_jpeg);

	(void)state;
	for (int i = 0; i < 64 * 64; i++)
		pixels[i] = (i / 3 + i / 64) % 3 ? 0 : 0xff0000;
	pass(&f, &in);
	assert_true(f.psnr >= 30); /* 4:2:0 would have 17 */
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_moving_pictures_come_back_and_only_the_first_is_a_key_picture),
		cmocka_unit_test(test_a_key_picture_when_asked_and_after_another_size),
		cmocka_unit_test(test_odd_and_extreme_sizes_are_coded_or_refused),
		cmocka_unit_test(test_half_of_a_picture_is_coded_for_all_of_it),
		cmocka_unit_test(test_bytes_follow_the_target),
		cmocka_unit_test(test_a_jpeg_of_less_quality_has_fewer_bytes),
		cmocka_unit_test(test_jpegs_of_a_film_follow_the_target_down_to_a_least_quality),
		cmocka_unit_test(test_nothing_is_encoded_twice_or_without_a_picture),
		cmocka_unit_test(test_jpeg_keeps_the_edges_of_coloured_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
