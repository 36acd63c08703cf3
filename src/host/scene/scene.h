/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The shadow copy of the screen: what the viewers are to see. Captured pixels
 * are compared with it tile by tile; what really changed is copied and becomes
 * dirty in the view of each viewer. Work is proportional to what is reported
 * as damaged, never to the size of the screen.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "host/scene/part.h"
#include "host/scene/rect.h"
#include "host/scene/region.h"

struct scene {
	unsigned width; /* 0x0: there is no picture */
	unsigned height;
	uint32_t *pixels; /* 0x00RRGGBB, top byte undefined; width x height without gaps */
	struct list views;
	/* What was captured is here in part, and the rest comes soon: no frame begins now, and no
	 * film takes its picture. What is dirty is told all the same. */
	bool is_settling;
};

/* @to has now what was at the same place less (@dx, @dy) just before. Both lie on the screen. */
struct scene_move {
	struct rect to;
	int dx;
	int dy;
};

#define SCENE_MOVES_MAX 16

/*
 * What one viewer has not been sent yet: first the moves, in their order, then what is dirty. It
 * never forgets a pixel: what was dirty where a move came from is dirty where it went to.
 * Embedded in the viewer.
 */
struct scene_view {
	struct list link;
	struct region dirty;
	struct scene_move moves[SCENE_MOVES_MAX];
	unsigned n_moves;
	bool lost; /* no memory for it after a resize: its viewer must go */
};

void scene_init(struct scene *self);

/* All views must be gone. */
void scene_finish(struct scene *self);

/**
 * scene_resize() - a new, black picture; nothing is dirty, since viewers start black too
 *
 * -ENOMEM: the picture is 0x0 then.
 */
int scene_resize(struct scene *self, unsigned width, unsigned height);

/**
 * scene_update() - take over captured pixels
 * @at:      where they belong; clipped to the screen
 * @pixels:  of @at's left top corner
 * @stride:  pixels from one row to the next
 *
 * Returns whether anything differed: then it is dirty in every view.
 */
bool scene_update(
	struct scene *self, const struct rect *at, const uint32_t *pixels, size_t stride);

/* The same for parts that are compared already. */
bool scene_take(struct scene *self, const struct part *parts, size_t n);

/**
 * scene_move() - a part of the picture has moved, as far as the caller can tell
 *
 * Moves the pixels; what is not as it looks is for scene_update() to find, so that no guess
 * does harm. A view joins it with the move before where one will do for both; one that has too
 * much to be sent already, or is to be sent all of this anyway, has @move's place dirty
 * instead.
 */
void scene_move(struct scene *self, const struct scene_move *move);

/* Something that is to be sent? */
static inline bool scene_view_is_empty(const struct scene_view *self)
{
	return self->n_moves == 0 && region_is_empty(&self->dirty);
}

/*
 * Pixels stand in for the moves from @first on: where more than the dirty boxes is wrong, a move
 * would spread it.
 */
void scene_view_flatten(struct scene_view *self, unsigned first);

/* @view sees the whole screen as dirty. -ENOMEM; it needs no removal then. */
int scene_add_view(struct scene *self, struct scene_view *view);
void scene_remove_view(struct scene_view *view);

/* Borrowed, until the next resize. */
static inline const uint32_t *scene_at(const struct scene *self, int x, int y)
{
	return self->pixels + (size_t)y * self->width + (size_t)x;
}
