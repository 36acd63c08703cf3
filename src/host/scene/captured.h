/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * A batch of captured pixels, cut into parts that are compared with the shadow, and found again
 * by their tile. The shadow is not touched.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "host/scene/part.h"
#include "host/scene/patch.h"
#include "host/scene/rect.h"
#include "host/scene/scene.h"

struct captured {
	struct part *parts;
	size_t n_parts;
	size_t n_room;

	/* For a screen of so many tiles; 0: none. */
	int columns;
	int rows;
	uint32_t *tiles; /* rows x columns: its part's index, and 1; 0: it has none */
};

void captured_init(struct captured *self);
void captured_finish(struct captured *self);

/* Empty, for a screen of this size. -ENOMEM: of no tiles then, so that no part is found. */
int captured_resize(struct captured *self, unsigned width, unsigned height);

/* Patches that are to be filled in still. They must not overlap. */
struct captured_rest {
	const struct patch *patches; /* must outlive what is done with the parts */
	size_t n;
	struct part_place place; /* in the first of them, */
	bool begun;              /* if this is set */
};

/**
 * captured_fill() - cut and compare
 * @rest:    has less afterwards
 * @max_px:  of pixels, about
 *
 * Returns how many pixels those were, or -ENOMEM: it is empty then.
 */
ssize_t captured_fill(struct captured *self, const struct scene *scene,
	struct captured_rest *rest, size_t max_px);
void captured_clear(struct captured *self);

/* NULL: nothing there. Of a tile with several parts, the first. */
struct part *captured_at(const struct captured *self, int column, int row);

/* How many pixels have changed, about; @ret is the box of all of them, when there are any. */
size_t captured_changed(const struct captured *self, struct rect *ret);

/* The same of a rectangle only. */
size_t captured_changed_in(const struct captured *self, const struct rect *rect);

/* Are all the pixels of a rectangle among the captured ones? */
bool captured_covers(const struct captured *self, const struct rect *rect);
