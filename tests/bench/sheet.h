/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What workload.c shows: pictures like those of a day at a desk, drawn from a seed, so that
 * every run and every rival gets the same. Nothing here knows X.
 */

#include <stddef.h>
#include <stdint.h>

/* Pixels are 0xRRGGBB, row by row without padding; their memory is the owner's affair. */
struct sheet {
	uint32_t *pixels;
	uint16_t width, height; /* px */
};

/* A cell of text; lines stand as close as their cells. */
#define SHEET_CELL_WIDTH 8
#define SHEET_CELL_HEIGHT 16

/* Of the mark at the top left that tells a frame's number: two rows of eight squares, black for
 * 0 and white for 1, the highest bit first. */
#define SHEET_MARK_PX 16
#define SHEET_MARK_BITS 16

/* A letter, 'a' to 'z', smooth at its edges, as toolkits draw them; anything else is a blank.
 * The cell must be on the sheet. */
void sheet_letter(
	struct sheet *self, uint32_t x, uint32_t y, char letter, uint32_t ink, uint32_t paper);

/* A long page: source code in some colours on white. */
void sheet_text(struct sheet *self, uint32_t seed);

/* Thousands of colours, soft and sharp parts, and the grain of a camera. */
void sheet_photo(struct sheet *self, uint32_t seed);

/* A photo amid paragraphs. */
void sheet_page(struct sheet *self, uint32_t seed);

/* A plain background with a panel and some icons. */
void sheet_desktop(struct sheet *self);

/* Black text on grey, one entry a line, some with something at the right. */
void sheet_menu(struct sheet *self, uint32_t seed);

/* A title bar over a photo and text. */
void sheet_window(struct sheet *self, uint32_t seed);

/* All that can be printed, ' ' to '~'. */
#define SHEET_N_LETTERS 95

/* A cell of small text. */
#define SHEET_SMALL_WIDTH 6
#define SHEET_SMALL_HEIGHT 8

/**
 * sheet_corpus() - page @n of small text in the colours that cheap codecs spoil
 * @font: the letters side by side, in cells of one width, white on black
 *
 * Red on black, black on red, and so on, with hard edges, with soft ones, and with edges of
 * another tint on either side, as for LCDs. On the left a pair stays for some lines, in the
 * middle each word has another, and on the right each letter.
 */
void sheet_corpus(struct sheet *self, const struct sheet *font, unsigned n);

/* How much larger than the picture each of the two layers of a video is. */
#define SHEET_LAYER_MARGIN 256

/**
 * sheet_video() - one frame of a moving picture
 * @layers: photos, SHEET_LAYER_MARGIN larger than @self both ways
 *
 * Two layers, mixed half and half, that move in different directions: nothing of a frame is just
 * the one before at another place. Carries the mark of @n.
 */
void sheet_video(struct sheet *self, const struct sheet layers[2], unsigned n);
