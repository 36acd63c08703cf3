/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* A page of text without end, as a program would paint it that repaints all when it scrolls. */

#include <stdint.h>

#include "host/scene/rect.h"
#include "unit/random.h"

#define DOCUMENT_LINE_PX 18
#define DOCUMENT_PAPER 0xffffff
#define DOCUMENT_INK 0x202020

static inline uint64_t document_random(uint64_t a, uint64_t b)
{
	struct random random = { a * 0x100000001b3 + b };

	return random_u64(&random);
}

/* The ink in one row of a letter's eight columns, the left one in bit 0. */
static inline unsigned document_cell(int column, int y)
{
	int line = (y + 100000 * DOCUMENT_LINE_PX) / DOCUMENT_LINE_PX;
	int row = (y + 100000 * DOCUMENT_LINE_PX) % DOCUMENT_LINE_PX;
	uint64_t glyph;

	/* Every seventh line is empty, and each of a length of its own. */
	if (line % 7 == 0 || row < 4
		|| column > (int)(document_random((uint64_t)line, 1) % 200) + 20)
		return 0;
	glyph = document_random((uint64_t)line, (uint64_t)column) % 60;
	return glyph < 10 ? 0 : document_random(glyph, (uint64_t)row) & 0x7f;
}

/* Fills @at with the document from (@x, @y) on. */
static inline void document_paint(
	uint32_t *screen, int width, const struct rect *at, int x, int y)
{
	for (int row = at->top; row < at->bottom; row++) {
		unsigned ink = 0;

		for (int column = at->left; column < at->right; column++) {
			int place = x + column - at->left + 80000;

			if (column == at->left || place % 8 == 0)
				ink = document_cell(place / 8 - 10000, y + row - at->top);
			screen[row * width + column] =
				ink >> place % 8 & 1 ? DOCUMENT_INK : DOCUMENT_PAPER;
		}
	}
}
