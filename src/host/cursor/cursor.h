/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The pointer's shape, as a CURSOR message made once for all viewers: the
 * browser draws it, and the picture is without it.
 */

#include <stddef.h>
#include <stdint.h>

/* Wider or higher than this is shown as no cursor at all. */
#define CURSOR_PX_MAX 256

struct cursor {
	uint8_t *message; /* NULL: none yet, or there is no display */
	size_t n;
	unsigned serial; /* another one for each change */
};

void cursor_init(struct cursor *self);
void cursor_finish(struct cursor *self);

/* There is no shape to show. */
void cursor_clear(struct cursor *self);

/**
 * cursor_set() - take a new shape over
 * @argb:  width x height pixels 0xAARRGGBB, premultiplied, as XFixes and Render have them
 *
 * 0x0 and oversized ones make a message that says: no cursor. Returns 0 or -ENOMEM.
 */
int cursor_set(struct cursor *self, unsigned width, unsigned height, unsigned hot_x,
	unsigned hot_y, const uint32_t *argb);
