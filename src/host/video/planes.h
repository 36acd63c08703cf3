/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * A picture as video codecs want it: Y, U and V in planes (I420), BT.601, limited range, one U
 * and V for 2x2 pixels, sides rounded up to even numbers by repeating the last row and column.
 */

#include <stddef.h>
#include <stdint.h>

struct planes {
	unsigned width; /* even */
	unsigned height;
	uint8_t *y; /* width bytes a row; U and V half as many */
	uint8_t *u;
	uint8_t *v;
	size_t size; /* of the memory, which begins at y */
};

/* For a picture of this size, anything in it. -ENOMEM: as it was. Zeroed before the first time.
 */
int planes_resize(struct planes *self, unsigned width, unsigned height);
void planes_finish(struct planes *self);

/* @width and @height round up to those of @self. */
void planes_fill(struct planes *self, const uint32_t *pixels, size_t stride, unsigned width,
	unsigned height);
