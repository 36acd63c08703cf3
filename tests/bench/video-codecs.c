/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a moving picture costs each codec of host/video: CPU of this thread, bytes and PSNR,
 * conversion from RGB included, as the host does it.
 *
 *	video-codecs [WIDTH HEIGHT [PICTURES [BYTES]]]
 *
 * BYTES is the target for each picture; 0: what the codec thinks good. "By half" is with half as
 * many pixels each way, enlarged as a browser does. Three kinds of motion:
 * a pan over a texture; a film, that is two textures that move apart, a thing that flies over
 * both, and grain; and a smooth play of colours.
 */

#include <libyuv/scale_argb.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "unit/picture-decoder.h"
#include "unit/random.h"

#define SIDE 1024 /* of a texture that repeats */

enum motion {
	PAN,
	FILM,
	COLOURS,
	N_MOTIONS,
};

static const char *const names[] = { "pan", "film", "colours" };

struct figures {
	double ms;
	double bytes;
	double psnr;
	double ms_min; /* what it costs when nobody else uses the caches */
	double ms_max;
	double psnr_min;
	double key_bytes;
};

static uint32_t rgb(int r, int g, int b)
{
	int c[3] = { r, g, b };

	for (int i = 0; i < 3; i++)
		c[i] = c[i] < 0 ? 0 : c[i] > 255 ? 255 : c[i];
	return (uint32_t)(c[0] << 16 | c[1] << 8 | c[2]);
}

/* Noise of five octaves, each half as strong as the coarser one: as leaves and stones look. */
static float *make_noise(uint64_t seed)
{
	struct random random = { seed };
	float *noise = xalloc((size_t)SIDE * SIDE, sizeof(float));
	float strength = 52;

	for (int cell = 128; cell >= 4; cell /= 2, strength *= 0.6f) {
		int n = SIDE / cell;
		float *values = xalloc((size_t)n * (size_t)n, sizeof(float));

		for (int i = 0; i < n * n; i++)
			values[i] =
				(float)(random_below(&random, 2001) - 1000) / 1000 * strength;
		for (int y = 0; y < SIDE; y++) {
			for (int x = 0; x < SIDE; x++) {
				int cx = x / cell, cy = y / cell;
				int nx = (cx + 1) % n, ny = (cy + 1) % n;
				float fx = (float)(x % cell) / (float)cell;
				float fy = (float)(y % cell) / (float)cell;
				float top = values[cy * n + cx] * (1 - fx) +
					values[cy * n + nx] * fx;
				float low = values[ny * n + cx] * (1 - fx) +
					values[ny * n + nx] * fx;

				noise[y * SIDE + x] += top * (1 - fy) + low * fy;
			}
		}
		free(values);
	}
	return noise;
}

static uint32_t *make_texture(uint64_t seed)
{
	CLEANUP(free) float *luma = make_noise(seed);
	CLEANUP(free) float *red = make_noise(seed + 1), *blue = make_noise(seed + 2);
	uint32_t *texture = xalloc((size_t)SIDE * SIDE, sizeof(*texture));

	for (int i = 0; i < SIDE * SIDE; i++)
		texture[i] = rgb((int)(128 + luma[i] + red[i] / 3), (int)(128 + luma[i]),
			(int)(120 + luma[i] + blue[i] / 3));
	return texture;
}

static uint32_t texel(const uint32_t *texture, int x, int y)
{
	return texture[(y & (SIDE - 1)) * SIDE + (x & (SIDE - 1))];
}

static uint32_t grained(uint32_t pixel, uint64_t noise)
{
	int grain = (int)(noise % 7) - 3;

	return rgb((int)(pixel >> 16 & 255) + grain, (int)(pixel >> 8 & 255) + grain,
		(int)(pixel & 255) + grain);
}

static void draw(enum motion motion, int t, uint32_t *pixels, int width, int height,
	uint32_t *const textures[2])
{
	struct random random = { (uint64_t)t };
	double at_x = width / 2.0 + width / 3.0 * sin(t * 0.05);
	double at_y = height / 2.0 + height / 3.0 * cos(t * 0.037);
	double radius = height / 6.0;

	for (int y = 0; y < height; y++) {
		for (int x = 0; x < width; x++) {
			uint32_t *pixel = &pixels[(size_t)y * (size_t)width + (size_t)x];
			double dx = x - at_x, dy = y - at_y;

			if (motion == PAN) {
				*pixel = texel(textures[0], x + t * 5, y + t * 2);
			} else if (motion == FILM) {
				uint32_t what = y > height * 2 / 3
					? texel(textures[1], x + t * 7, y)
					: texel(textures[0], x + t * 2, y + t);

				if (dx * dx + dy * dy < radius * radius)
					what = texel(textures[1], (int)dx + 300, (int)dy + 200);
				*pixel = grained(what, random_u64(&random));
			} else {
				double a =
					sin(x * 0.013 + t * 0.11) + sin(y * 0.017 - t * 0.07);
				double b = sin((x + y) * 0.009 + t * 0.05);

				*pixel = rgb((int)(128 + 60 * a), (int)(128 + 60 * b),
					(int)(128 + 40 * (a - b)));
			}
		}
	}
}

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static struct figures measure(const struct codec_impl *impl, uint32_t *const *film, int n,
	unsigned width, unsigned height, size_t target, bool half)
{
	struct codec *codec = codec_create(impl);
	struct picture_decoder *decoder = picture_decoder_create(impl->id);
	CLEANUP(free) uint32_t *seen = xalloc((size_t)width * height, sizeof(*seen));
	CLEANUP(free) uint32_t *coded = xalloc((size_t)width * height, sizeof(*coded));
	unsigned w = half ? codec_half(width) : width, h = half ? codec_half(height) : height;
	struct figures sum = { .psnr_min = 99, .ms_min = 1e9 };

	for (int i = 0; i < n; i++) {
		struct codec_input in = { film[i], width, width, height, false, target, 0, half };
		struct codec_output out;
		double start = cpu_ms(), ms, psnr;

		if (codec_load(codec, &in) < 0 || codec_encode(codec, &out) < 0)
			abort();
		ms = cpu_ms() - start;
		if (!picture_decode(decoder, out.bytes, out.n, coded, w, h))
			abort();
		ARGBScale((const uint8_t *)coded, (int)w * 4, (int)w, (int)h, (uint8_t *)seen,
			(int)width * 4, (int)width, (int)height, kFilterBilinear);
		psnr = picture_psnr(film[i], seen, (size_t)width * height);
		if (i == 0) {
			sum.key_bytes = (double)out.n;
			continue;
		}
		sum.ms += ms / (n - 1);
		sum.bytes += (double)out.n / (n - 1);
		sum.psnr += psnr / (n - 1);
		sum.ms_min = fmin(sum.ms_min, ms);
		sum.ms_max = fmax(sum.ms_max, ms);
		sum.psnr_min = fmin(sum.psnr_min, psnr);
	}
	picture_decoder_destroy(decoder);
	codec_destroy(codec);
	return sum;
}

int main(int argc, char **argv)
{
	static const struct codec_impl *const impls[] = { &codec_h264, &codec_vp9,
		&codec_jpeg };
	unsigned width = argc > 2 ? (unsigned)atoi(argv[1]) : 1920;
	unsigned height = argc > 2 ? (unsigned)atoi(argv[2]) : 1080;
	int n = argc > 3 ? atoi(argv[3]) : 60;
	size_t target = argc > 4 ? (size_t)atol(argv[4]) : 0;
	uint32_t *textures[2] = { make_texture(1), make_texture(7) };
	CLEANUP(free) uint32_t **film = xalloc((size_t)n, sizeof(*film));

	for (int i = 0; i < n; i++)
		film[i] = xalloc((size_t)width * height, sizeof(**film));
	printf("%ux%u, %d pictures, target %zu bytes each\n", width, height, n, target);
	printf("| motion | codec | ms (min, max) | bytes | first | dB (min) | fps at 0.5 CPU | "
	       "MB/s "
	       "at 60 |\n");
	printf("|---|---|---|---|---|---|---|---|\n");
	for (int motion = 0; motion < N_MOTIONS; motion++) {
		for (int i = 0; i < n; i++)
			draw((enum motion)motion, i, film[i], (int)width, (int)height,
				textures);
		for (size_t i = 0; i < 2 * ARRAY_SIZE(impls); i++) {
			const struct codec_impl *impl = impls[i / 2];
			bool half = i % 2;
			struct figures f = measure(impl, film, n, width, height, target, half);

			printf("| %s | %s%s | %.1f (%.1f, %.1f) | %.0f | %.0f | %.1f (%.1f) | "
			       "%.0f | "
			       "%.1f |\n",
				names[motion], impl->name, half ? " by half" : "", f.ms, f.ms_min, f.ms_max,
				f.bytes, f.key_bytes, f.psnr, f.psnr_min, 500 / f.ms,
				f.bytes * 60 / 1e6);
			fflush(stdout);
		}
	}
	for (int i = 0; i < n; i++)
		free(film[i]);
	free(textures[0]);
	free(textures[1]);
	return 0;
}
