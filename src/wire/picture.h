/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The viewer's side of the stream: a picture on which the operations of FRAME
 * bodies are done (docs/protocol.md), as web/src/picture/ does them. The host
 * does not need it: tests and fuzz targets hold what it writes against it.
 */

#include <stddef.h>
#include <stdint.h>

#include "wire/stream.h"

/* What STORE remembers of a tile. */
struct picture_slot {
	unsigned width; /* 0: nothing */
	unsigned height;
	uint32_t *pixels;
};

struct picture {
	unsigned width;
	unsigned height;
	uint32_t *pixels; /* 0x00RRGGBB, without gaps */
	struct picture_slot slots[STREAM_SLOTS];
	uint64_t filled; /* pixels, by all operations so far; the caller may clear it */
};

/* SCREEN: black, all slots empty. From zeroes at first. -ENOMEM: it is 0x0 then. */
int picture_resize(struct picture *self, unsigned width, unsigned height);
void picture_finish(struct picture *self);

/**
 * picture_apply() - do what a FRAME body inflates to
 *
 * Returns 0, -ENOMEM, or -EBADMSG where the list is malformed, leaves the screen, or wants a slot
 * that has no such tile: what stood before that is done.
 */
int picture_apply(struct picture *self, const uint8_t *bytes, size_t n);
