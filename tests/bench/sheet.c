/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/sheet.h"

#include <stdbool.h>

#include "base/mem.h"

#define WHITE 0xffffff
#define BLACK 0x101010

/* Five by seven, a row a byte, the left pixel in bit 4. */
#define GLYPH_WIDTH 5
#define GLYPH_HEIGHT 7

static const uint8_t glyphs[26][GLYPH_HEIGHT] = {
	{ 0x00, 0x00, 0x0e, 0x01, 0x0f, 0x11, 0x0f },
	{ 0x10, 0x10, 0x16, 0x19, 0x11, 0x11, 0x1e },
	{ 0x00, 0x00, 0x0e, 0x10, 0x10, 0x11, 0x0e },
	{ 0x01, 0x01, 0x0d, 0x13, 0x11, 0x11, 0x0f },
	{ 0x00, 0x00, 0x0e, 0x11, 0x1f, 0x10, 0x0e },
	{ 0x06, 0x09, 0x08, 0x1c, 0x08, 0x08, 0x08 },
	{ 0x00, 0x0f, 0x11, 0x11, 0x0f, 0x01, 0x0e },
	{ 0x10, 0x10, 0x16, 0x19, 0x11, 0x11, 0x11 },
	{ 0x04, 0x00, 0x0c, 0x04, 0x04, 0x04, 0x0e },
	{ 0x02, 0x00, 0x06, 0x02, 0x02, 0x12, 0x0c },
	{ 0x10, 0x10, 0x12, 0x14, 0x18, 0x14, 0x12 },
	{ 0x0c, 0x04, 0x04, 0x04, 0x04, 0x04, 0x0e },
	{ 0x00, 0x00, 0x1a, 0x15, 0x15, 0x11, 0x11 },
	{ 0x00, 0x00, 0x16, 0x19, 0x11, 0x11, 0x11 },
	{ 0x00, 0x00, 0x0e, 0x11, 0x11, 0x11, 0x0e },
	{ 0x00, 0x00, 0x1e, 0x11, 0x1e, 0x10, 0x10 },
	{ 0x00, 0x00, 0x0d, 0x13, 0x0f, 0x01, 0x01 },
	{ 0x00, 0x00, 0x16, 0x19, 0x10, 0x10, 0x10 },
	{ 0x00, 0x00, 0x0e, 0x10, 0x0e, 0x01, 0x1e },
	{ 0x08, 0x08, 0x1c, 0x08, 0x08, 0x09, 0x06 },
	{ 0x00, 0x00, 0x11, 0x11, 0x11, 0x13, 0x0d },
	{ 0x00, 0x00, 0x11, 0x11, 0x11, 0x0a, 0x04 },
	{ 0x00, 0x00, 0x11, 0x11, 0x15, 0x15, 0x0a },
	{ 0x00, 0x00, 0x11, 0x0a, 0x04, 0x0a, 0x11 },
	{ 0x00, 0x00, 0x11, 0x11, 0x0f, 0x01, 0x0e },
	{ 0x00, 0x00, 0x1f, 0x02, 0x04, 0x08, 0x1f },
};

/* --- colours and chance --- */

/* A number that looks like chance, of any two. */
static uint32_t hash(uint32_t a, uint32_t b)
{
	uint32_t h = a * 0x9e3779b1U ^ (b + 0x7f4a7c15U) * 0x85ebca6bU;

	h = (h ^ h >> 15) * 0x2c1b3c6dU;
	h = (h ^ h >> 12) * 0x297a2d39U;
	return h ^ h >> 15;
}

/* Of 0 to 256 parts of @a and the rest of @b. */
static uint32_t mix(uint32_t a, uint32_t b, uint32_t parts)
{
	uint32_t mixed = 0;

	for (unsigned shift = 0; shift < 24; shift += 8)
		mixed |= ((a >> shift & 255) * parts + (b >> shift & 255) * (256 - parts)) / 256
			<< shift;
	return mixed;
}

static void fill(struct sheet *self, uint32_t x, uint32_t y, uint32_t width, uint32_t height,
	uint32_t colour)
{
	for (uint32_t row = y; row < y + height && row < self->height; row++)
		for (uint32_t column = x; column < x + width && column < self->width; column++)
			self->pixels[row * self->width + column] = colour;
}

/* --- text --- */

/* How much of a pixel of the cell a glyph covers, 0 to 256: it is four thirds as wide and ten
 * sevenths as high as its dots, so most edges fall into pixels. */
static uint32_t coverage(const uint8_t glyph[GLYPH_HEIGHT], uint32_t x, uint32_t y)
{
	enum { FINE = 4 };
	uint32_t n = 0;

	for (uint32_t i = 0; i < FINE * FINE; i++) {
		uint32_t column = (x * FINE + i % FINE) * 3 / (4 * FINE);
		uint32_t row = y * FINE + i / FINE;

		if (row < 3 * FINE)
			continue;
		row = (row - 3 * FINE) * 7 / (10 * FINE);
		if (column < GLYPH_WIDTH && row < GLYPH_HEIGHT)
			n += glyph[row] >> (GLYPH_WIDTH - 1 - column) & 1;
	}
	return n * 256 / (FINE * FINE);
}

void sheet_letter(
	struct sheet *self, uint32_t x, uint32_t y, char letter, uint32_t ink, uint32_t paper)
{
	static uint32_t covered[26][SHEET_CELL_HEIGHT][SHEET_CELL_WIDTH];
	static bool is_known;

	if (letter < 'a' || letter > 'z') {
		fill(self, x, y, SHEET_CELL_WIDTH, SHEET_CELL_HEIGHT, paper);
		return;
	}
	for (size_t i = 0; !is_known && i < ARRAY_SIZE(glyphs); i++)
		for (uint32_t row = 0; row < SHEET_CELL_HEIGHT; row++)
			for (uint32_t column = 0; column < SHEET_CELL_WIDTH; column++)
				covered[i][row][column] = coverage(glyphs[i], column, row);
	is_known = true;
	for (uint32_t row = 0; row < SHEET_CELL_HEIGHT; row++)
		for (uint32_t column = 0; column < SHEET_CELL_WIDTH; column++)
			self->pixels[(y + row) * self->width + x + column]
				= mix(ink, paper, covered[letter - 'a'][row][column]);
}

/* Words from @x up to @end, as far as they fit; changes its ink at most at each word. */
static void draw_words(struct sheet *self, uint32_t x, uint32_t end, uint32_t y, uint32_t seed,
	const uint32_t *inks, uint32_t n_inks, uint32_t paper)
{
	uint32_t left = 0, word = 0;

	if (y + SHEET_CELL_HEIGHT > self->height)
		return;
	if (end > self->width)
		end = self->width;
	for (uint32_t n = 0; x + SHEET_CELL_WIDTH <= end; x += SHEET_CELL_WIDTH, n++) {
		char letter = ' ';

		if (left-- > 0)
			letter = (char)('a' + hash(seed, n) % 26);
		else
			left = 2 + hash(seed, ++word * 31) % 9;
		sheet_letter(self, x, y, letter, inks[hash(seed, word * 57) % n_inks], paper);
	}
}

void sheet_text(struct sheet *self, uint32_t seed)
{
	static const uint32_t inks[]
		= { BLACK, BLACK, BLACK, 0x0550ae, 0x116329, 0xcf222e, 0x6e7781 };

	fill(self, 0, 0, self->width, self->height, WHITE);
	for (uint32_t line = 0; line * SHEET_CELL_HEIGHT < self->height; line++) {
		uint32_t chance = hash(seed, line);
		uint32_t x = (2 + chance % 4 * 4) * SHEET_CELL_WIDTH;
		uint32_t n_cells = 10 + (chance >> 8) % 80;

		if (chance >> 16 & 7)
			draw_words(self, x, x + n_cells * SHEET_CELL_WIDTH,
				line * SHEET_CELL_HEIGHT, chance, inks, ARRAY_SIZE(inks),
				WHITE);
	}
}

/* --- small text --- */

enum edges {
	EDGES_HARD,
	EDGES_SOFT,
	EDGES_TINTED,
	N_EDGES,
};

#define THIRDS (3 * SHEET_SMALL_WIDTH)

/* How much of the thirds of pixels a letter covers, 0 to 256, with a margin on either side. */
typedef uint16_t small_letter[SHEET_SMALL_HEIGHT][THIRDS + 2];

/* Of the dots of the font, as many as fall into it. */
static void shrink_letter(const struct sheet *font, uint32_t letter, small_letter ret)
{
	enum { FINE = 4 };
	const uint32_t width = font->width / SHEET_N_LETTERS;

	for (uint32_t y = 0; y < SHEET_SMALL_HEIGHT; y++)
		for (uint32_t x = 0; x < THIRDS; x++) {
			uint32_t n = 0;

			for (uint32_t i = 0; i < FINE * FINE; i++) {
				uint32_t column = (x * FINE + i % FINE) * width
					/ (THIRDS * FINE);
				uint32_t row = (y * FINE + i / FINE) * font->height
					/ (SHEET_SMALL_HEIGHT * FINE);

				column += letter * width;
				n += font->pixels[row * font->width + column] & 1;
			}
			ret[y][x + 1] = (uint16_t)(n * 256 / (FINE * FINE));
		}
}

static uint32_t small_pixel(
	const uint16_t *thirds, enum edges edges, uint32_t ink, uint32_t paper)
{
	const uint32_t whole = (thirds[1] + thirds[2] + thirds[3]) / 3U;

	if (edges == EDGES_HARD)
		return whole > 80 ? ink : paper;
	if (edges == EDGES_SOFT)
		return mix(ink, paper, whole);
	return (mix(ink, paper, (thirds[0] + thirds[1] + thirds[2]) / 3U) & 0xff0000)
		| (mix(ink, paper, whole) & 0x00ff00)
		| (mix(ink, paper, (thirds[2] + thirds[3] + thirds[4]) / 3U) & 0x0000ff);
}

static void draw_small_letter(struct sheet *self, uint32_t x, uint32_t y, small_letter letter,
	enum edges edges, uint32_t ink, uint32_t paper)
{
	for (uint32_t row = 0; row < SHEET_SMALL_HEIGHT && y + row < self->height; row++)
		for (uint32_t column = 0;
			column < SHEET_SMALL_WIDTH && x + column < self->width; column++)
			self->pixels[(y + row) * self->width + x + column] = small_pixel(
				&letter[row][3 * column], edges, ink, paper);
}

void sheet_corpus(struct sheet *self, const struct sheet *font, unsigned n)
{
	static const uint32_t pairs[][2] = { { 0xff0000, 0x000000 }, { 0x000000, 0xff0000 },
		{ 0xff0000, 0x0000ff }, { 0x0000ff, 0x000000 }, { 0x00ff00, 0xff00ff },
		{ 0xffff00, 0xffffff }, { 0x00ffff, 0xff0000 }, { 0xfefefe, 0xffffff },
		{ 0x000001, 0x000000 }, { 0xffffff, 0x000000 }, { 0x800000, 0x808080 } };
	enum { BLOCK = 12, WORD = 7 };
	static small_letter letters[SHEET_N_LETTERS];
	static bool is_known;

	for (uint32_t i = 0; !is_known && i < SHEET_N_LETTERS; i++)
		shrink_letter(font, i, letters[i]);
	is_known = true;
	for (uint32_t line = 0; line * SHEET_SMALL_HEIGHT < self->height; line++)
		for (uint32_t x = 0, i = 0; x < self->width; x += SHEET_SMALL_WIDTH, i++) {
			const uint32_t third = x * 3 / self->width;
			const uint32_t nth = n + (third == 0 ? line / BLOCK : line + i / WORD);
			const uint32_t *pair = pairs[nth % ARRAY_SIZE(pairs)];
			const uint32_t tint = third < 2 ? 0 : hash(line, i) & 0x1f1f1f;

			draw_small_letter(self, x, line * SHEET_SMALL_HEIGHT,
				letters[(i + line * 17) % SHEET_N_LETTERS],
				(enum edges)(nth % N_EDGES), pair[0] ^ tint, pair[1] ^ tint);
		}
}

/* --- photos --- */

/* 0 to 255 at each corner of a grid, and between them on a straight line. */
static uint32_t waves(uint32_t seed, uint32_t x, uint32_t y, unsigned shift)
{
	uint32_t column = x >> shift, row = y >> shift, size = 1U << shift;
	uint32_t right = x & (size - 1), down = y & (size - 1);
	uint32_t corner[4];

	for (uint32_t i = 0; i < 4; i++)
		corner[i] = hash(seed, (row + i / 2) * 4099 + column + i % 2) & 255;
	corner[0] = (corner[0] * (size - right) + corner[1] * right) >> shift;
	corner[2] = (corner[2] * (size - right) + corner[3] * right) >> shift;
	return (corner[0] * (size - down) + corner[2] * down) >> shift;
}

static void draw_photo(struct sheet *self, uint32_t x, uint32_t y, uint32_t width,
	uint32_t height, uint32_t seed)
{
	for (uint32_t row = 0; row < height; row++)
		for (uint32_t column = 0; column < width; column++) {
			uint32_t broad = waves(seed, column, row, 8);
			uint32_t fine = waves(seed + 1, column, row, 4);
			uint32_t tint = waves(seed + 2, column, row, 7);
			uint32_t grain = hash(seed + 3, row * 8209 + column);
			/* A hard edge here and there, where hills meet the sky. */
			uint32_t light
				= (broad * 5 + fine * 2) / 7 / 2 + (broad > 140 ? 100 : 20);
			uint32_t r = (light * (160 + tint / 3) >> 8) + (grain & 3);
			uint32_t g = (light * 230 >> 8) + (grain >> 2 & 3);
			uint32_t b = (light * (255 - tint / 3) >> 8) + (grain >> 4 & 3);

			self->pixels[(y + row) * self->width + x + column]
				= r << 16 | g << 8 | b;
		}
}

void sheet_photo(struct sheet *self, uint32_t seed)
{
	draw_photo(self, 0, 0, self->width, self->height, seed);
}

/* --- pages and windows --- */

static const uint32_t plain_ink[] = { BLACK };

static void draw_paragraphs(
	struct sheet *self, uint32_t x, uint32_t end, uint32_t y, uint32_t seed)
{
	for (uint32_t line = 0; y < self->height; line++, y += SHEET_CELL_HEIGHT)
		if (line % 7 != 6)
			draw_words(self, x, end, y, hash(seed, line), plain_ink, 1, WHITE);
}

void sheet_page(struct sheet *self, uint32_t seed)
{
	const uint32_t margin = self->width / 16;
	const uint32_t width = self->width / 2, height = self->height * 3U / 4;

	fill(self, 0, 0, self->width, self->height, WHITE);
	draw_photo(self, margin, margin, width, height - margin, seed);
	draw_paragraphs(self, margin + width + 24, self->width - margin, margin, seed);
	draw_paragraphs(self, margin, margin + width, height + 24, seed + 1);
}

void sheet_desktop(struct sheet *self)
{
	const uint32_t panel = 28, icon = 48;

	for (uint32_t y = 0; y < self->height; y++)
		fill(self, 0, y, self->width, 1,
			mix(0x3a6ea5, 0x1d3a5f, y * 256 / self->height));
	for (uint32_t n = 0; n < 5; n++) {
		uint32_t y = 64 + n * 96;

		if (y + icon + SHEET_CELL_HEIGHT > self->height || 32 + icon > self->width)
			break;
		draw_photo(self, 32, y, icon, icon, n);
		draw_words(self, 24, 88, y + icon, n, (const uint32_t[]){ WHITE }, 1, 0x1d3a5f);
	}
	fill(self, 0, self->height - panel, self->width, panel, 0x2b2b2b);
	draw_words(self, 8, self->width / 3, self->height - panel + 6, 7,
		(const uint32_t[]){ 0xe0e0e0 }, 1, 0x2b2b2b);
}

void sheet_menu(struct sheet *self, uint32_t seed)
{
	const uint32_t paper = 0xf6f5f4, line_px = 24;

	fill(self, 0, 0, self->width, self->height, 0xb8b8b8);
	fill(self, 1, 1, self->width - 2U, self->height - 2U, paper);
	for (uint32_t line = 0; (line + 1) * line_px < self->height; line++) {
		uint32_t chance = hash(seed, line), y = line * line_px + 4;

		draw_words(self, 16, 16 + (6 + chance % 12) * SHEET_CELL_WIDTH, y, chance,
			plain_ink, 1, paper);
		if (chance >> 16 & 1)
			draw_words(self, self->width - 56U, self->width - 16U, y, chance + 1,
				(const uint32_t[]){ 0x8b8b8b }, 1, paper);
	}
}

void sheet_window(struct sheet *self, uint32_t seed)
{
	const uint32_t bar = 28, half = self->width / 2;

	fill(self, 0, 0, self->width, self->height, WHITE);
	fill(self, 0, 0, self->width, bar, 0x4a4a55);
	draw_words(self, 12, half, 6, seed, (const uint32_t[]){ WHITE }, 1, 0x4a4a55);
	draw_photo(self, 12, bar + 12, half - 24, self->height - bar - 24, seed);
	draw_paragraphs(self, half, self->width - 12U, bar + 12, seed);
}

/* --- video --- */

static void draw_mark(struct sheet *self, unsigned n)
{
	for (unsigned i = 0; i < SHEET_MARK_BITS; i++)
		fill(self, i % 8 * SHEET_MARK_PX, i / 8 * SHEET_MARK_PX, SHEET_MARK_PX,
			SHEET_MARK_PX, n >> (SHEET_MARK_BITS - 1 - i) & 1 ? WHITE : 0);
}

/* There and back between 0 and the margin. */
static uint32_t swing(unsigned n)
{
	n %= 2 * SHEET_LAYER_MARGIN;
	return n < SHEET_LAYER_MARGIN ? n : 2 * SHEET_LAYER_MARGIN - n;
}

void sheet_video(struct sheet *self, const struct sheet layers[2], unsigned n)
{
	const uint32_t at[2] = { swing(3 * n) + swing(n) * layers[0].width,
		swing(2 * n + 90) + swing(5 * n + 40) * layers[1].width };

	for (uint32_t row = 0; row < self->height; row++) {
		const uint32_t *a = layers[0].pixels + at[0] + row * layers[0].width;
		const uint32_t *b = layers[1].pixels + at[1] + row * layers[1].width;
		uint32_t *to = self->pixels + row * self->width;

		for (uint32_t column = 0; column < self->width; column++)
			to[column] = (a[column] >> 1 & 0x7f7f7f) + (b[column] >> 1 & 0x7f7f7f);
	}
	draw_mark(self, n);
}
