/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kinds of a tile cost: codec FILE.ppm…, pictures as `pnmtopng -` and
 * its like give them (P6, 8 bits). Prints for each picture and kind the bytes
 * of a pixel after deflate and the ns of it, encoding and deflate together, the
 * best of some turns; "chosen" is what the host does. Where a kind cannot be, RAW stands in.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "host/encode/deflater.h"
#include "host/encode/tile.h"

#define TILE STREAM_RECT_PX
#define TURNS 5
#define CHOSEN 99

struct screen {
	int width;
	int height;
	uint32_t *pixels;
};

static void load(struct screen *self, const char *path)
{
	FILE *file = fopen(path, "re");
	int most;

	if (!file || fscanf(file, "P6 %d %d %d", &self->width, &self->height, &most) != 3
		|| most != 255 || self->width < 1 || self->height < 1 || fgetc(file) == EOF)
		errx(1, "%s: no P6 picture of 8 bits", path);
	self->pixels = xalloc((size_t)self->width * (size_t)self->height, sizeof(uint32_t));
	for (int i = 0; i < self->width * self->height; i++) {
		unsigned char rgb[3];

		if (fread(rgb, 3, 1, file) != 1)
			errx(1, "%s: too short", path);
		self->pixels[i] = (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2];
	}
	fclose(file);
}

static size_t write_tile(int kind, uint8_t *out, const struct rect *at, const struct screen *s)
{
	const uint32_t *pixels = s->pixels + at->top * s->width + at->left;
	size_t stride = (size_t)s->width, n;

	if (kind == CHOSEN)
		return tile_write(out, at, pixels, stride);
	n = tile_write_as((enum stream_kind)kind, out, at, pixels, stride);
	return n ? n : tile_write_as(STREAM_RAW, out, at, pixels, stride);
}

/* Bytes of the whole picture. */
static size_t encode(int kind, const struct screen *s, struct deflater *deflater)
{
	const struct rect screen = { 0, 0, s->width, s->height };
	uint8_t out[STREAM_RECT_MAX], *body;
	size_t n;

	for (int y = 0; y < s->height; y += TILE) {
		for (int x = 0; x < s->width; x += TILE) {
			struct rect tile = rect_sized(x, y, TILE, TILE);

			tile = rect_intersect(&tile, &screen);
			n = write_tile(kind, out, &tile, s);
			if (deflater_add(deflater, out, n, tile_is_noisy(out, n)) < 0)
				errx(1, "out of memory");
		}
	}
	if (deflater_take(deflater, &body, &n) < 0)
		errx(1, "out of memory");
	return n;
}

/* Of the processor: what else the machine does counts less. */
static usec_t spent(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (usec_t)now.tv_sec * USEC_PER_SEC + (usec_t)now.tv_nsec / 1000;
}

static void measure(int kind, const char *name, const struct screen *s)
{
	double n_pixels = (double)s->width * s->height;
	usec_t best = USEC_NEVER;
	size_t n = 0;

	for (int i = 0; i < TURNS; i++) {
		struct deflater deflater;
		usec_t start;

		if (deflater_init(&deflater) < 0)
			errx(1, "out of memory");
		start = spent();
		n = encode(kind, s, &deflater);
		start = spent() - start;
		best = start < best ? start : best;
		deflater_finish(&deflater);
	}
	printf("  %-8s %8zu bytes  %6.3f bytes/px  %6.2f ns/px\n", name, n, (double)n / n_pixels,
		(double)best * 1000 / n_pixels);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct screen screen;

		load(&screen, argv[i]);
		printf("%s: %dx%d\n", argv[i], screen.width, screen.height);
		measure(STREAM_PALETTE, "palette", &screen);
		measure(STREAM_RAW, "raw", &screen);
		measure(STREAM_DELTA, "delta", &screen);
		measure(CHOSEN, "chosen", &screen);
		free(screen.pixels);
	}
	return 0;
}
