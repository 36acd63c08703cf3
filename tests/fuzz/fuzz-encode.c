/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The encoder as a script of bytes tells it: what is drawn, moved, brought back
 * and cut into bodies, at what times; a viewer who does what the bodies say must
 * see the same at every end of one, and so must who joins at a restart.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/reader.h"
#include "host/encode/encode.h"
#include "wire/picture.h"

#define WIDTH 150
#define HEIGHT 100
#define N (WIDTH * HEIGHT)
#define TILE STREAM_RECT_PX
#define INFLATED_MAX (8U << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static struct encoder *encoder;
static z_stream inflater;
static struct picture picture;
static uint32_t pixels[N], kept[N];
static struct scene scene = { .width = WIDTH, .height = HEIGHT, .pixels = pixels };
static usec_t now;

static void start_inflater(void)
{
	inflater = (z_stream){ 0 };
	assert(inflateInit2(&inflater, -MAX_WBITS) == Z_OK);
}

static void inflate_into(uint8_t *out, size_t *n_out, const uint8_t *bytes, size_t n)
{
	int r;

	inflater.next_in = (unsigned char *)bytes;
	inflater.avail_in = (unsigned)n;
	inflater.next_out = out + *n_out;
	inflater.avail_out = (unsigned)(INFLATED_MAX - *n_out);
	r = inflate(&inflater, Z_SYNC_FLUSH);
	assert(r == Z_OK || r == Z_BUF_ERROR);
	assert(inflater.avail_in == 0 && inflater.avail_out > 0);
	*n_out = INFLATED_MAX - inflater.avail_out;
}

static void take(void)
{
	static const uint8_t flush_end[] = { 0x00, 0x00, 0xff, 0xff };
	static uint8_t out[INFLATED_MAX];
	struct encode_body body = { 0 };
	size_t n = 0;

	assert(encoder_take(encoder, &body) == 0);
	inflate_into(out, &n, body.block + ENCODE_HEADROOM, body.n);
	free(body.block);
	inflate_into(out, &n, flush_end, sizeof(flush_end));
	assert(picture_apply(&picture, out, n) == 0);
	for (size_t i = 0; i < N; i++)
		assert(picture.pixels[i] == (pixels[i] & 0xffffff));
}

static void add(const struct rect *rect)
{
	for (int y = rect->top / TILE * TILE; y < rect->bottom; y += TILE) {
		for (int x = rect->left / TILE * TILE; x < rect->right; x += TILE) {
			struct rect tile = rect_sized(x, y, TILE, TILE);
			struct rect box = rect_intersect(rect, &tile);

			assert(encoder_add(encoder, &scene, &box, now) == 0);
		}
	}
}

static void add_all(void)
{
	add(&(struct rect){ 0, 0, WIDTH, HEIGHT });
}

/* Somewhere on the screen. */
static struct rect read_rect(struct reader *reader)
{
	int width = 1 + reader_u8(reader) % WIDTH, height = 1 + reader_u8(reader) % HEIGHT;
	int x = reader_u8(reader) % (WIDTH - width + 1);
	int y = reader_u8(reader) % (HEIGHT - height + 1);

	return rect_sized(x, y, width, height);
}

static void draw(struct reader *reader)
{
	struct rect rect = read_rect(reader);
	uint32_t state = reader_u32(reader), mask = reader_u32(reader);

	for (int y = rect.top; y < rect.bottom; y++) {
		for (int x = rect.left; x < rect.right; x++) {
			state = state * 1664525 + 1013904223;
			pixels[y * WIDTH + x] = (state >> 8 & mask) | state << 24;
		}
	}
	add(&rect);
}

static void move(struct reader *reader)
{
	struct rect to = read_rect(reader);
	int x = reader_u8(reader) % (WIDTH - rect_width(&to) + 1);
	int y = reader_u8(reader) % (HEIGHT - rect_height(&to) + 1);
	struct scene_move move = { .to = to, .dx = to.left - x, .dy = to.top - y };
	static uint32_t before[N];

	memcpy(before, pixels, sizeof(before));
	for (y = to.top; y < to.bottom; y++)
		memcpy(&pixels[y * WIDTH + to.left],
			&before[(y - move.dy) * WIDTH + to.left - move.dx],
			sizeof(uint32_t) * (size_t)rect_width(&to));
	assert(encoder_move(encoder, &move) == 0);
}

/* Another viewer's picture and inflater begin here. */
static void join(void)
{
	take();
	encoder_restart(encoder);
	inflateEnd(&inflater);
	start_inflater();
	assert(picture_resize(&picture, WIDTH, HEIGHT) == 0);
	add_all();
}

static void new_screen(void)
{
	assert(encoder_resize(encoder, WIDTH, HEIGHT) == 0);
	assert(picture_resize(&picture, WIDTH, HEIGHT) == 0);
	add_all();
}

static void step(struct reader *reader)
{
	switch (reader_u8(reader) % 8) {
	case 0:
		draw(reader);
		break;
	case 1:
		move(reader);
		break;
	case 2:
		memcpy(kept, pixels, sizeof(kept));
		break;
	case 3:
		memcpy(pixels, kept, sizeof(pixels));
		add_all();
		break;
	case 4:
		now += (usec_t)reader_u8(reader) * 10 * USEC_PER_MSEC;
		break;
	case 5:
		join();
		break;
	case 6:
		new_screen();
		break;
	case 7:
		take();
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct reader reader;

	reader_init(&reader, bytes, n < 4096 ? n : 4096);
	encoder = encoder_create(&encode_tiles, NULL, NULL, NULL);
	assert(encoder && encoder_resize(encoder, WIDTH, HEIGHT) == 0);
	assert(picture_resize(&picture, WIDTH, HEIGHT) == 0);
	start_inflater();
	memset(pixels, 0, sizeof(pixels));
	memset(kept, 0, sizeof(kept));
	now = USEC_PER_SEC;
	while (reader_left(&reader) > 0)
		step(&reader);
	take();
	inflateEnd(&inflater);
	picture_finish(&picture);
	encoder_destroy(encoder);
	return 0;
}
