/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Where the windows on the root are (a window manager's frames, menus), and where they were
 * when the last pixels were captured: hints of what has been dragged. Sequence numbers tell
 * which moves an image shows. With a compositing manager the screen shows them later, so that a
 * few earlier places are remembered too, and any two of a window make a hint.
 *
 * Whoever has the display decides what is told here: the table is bounded, and wrong hints do
 * no harm.
 */

#include <stdbool.h>
#include <stddef.h>
#include <xcb/xcb.h>

#include "host/scene/hint.h"
#include "loop/xcb-source.h"

#define WINDOWS_MAX 64
#define WINDOWS_PLACES_MAX 8
#define WINDOWS_HINTS_MAX 16

struct windows_place {
	int x;
	int y;
	unsigned sequence; /* of our last request that the server had done when it told */
};

/* @id is 0: a free entry. */
struct windows_entry {
	xcb_window_t id;
	int width;
	int height;
	unsigned used; /* number of the batch at its last event */
	struct windows_place places[WINDOWS_PLACES_MAX]; /* the newest first */
	unsigned n_places;                               /* 0: not known yet */
	unsigned n_new;                                  /* of these: not in any image yet */
};

struct windows {
	struct xcb_source *source; /* borrowed; NULL: not begun */
	xcb_window_t root;
	unsigned batch; /* number of the next one */
	struct windows_entry entries[WINDOWS_MAX];
};

/* Asks for the windows that are there. The root's substructure must be selected. Or -ENOMEM. */
int windows_init(struct windows *self, struct xcb_source *source, xcb_window_t root);

/* Safe on a zeroed one. */
void windows_finish(struct windows *self);

/* True: a window has another place, size or neighbour above, as the server itself says. */
bool windows_handle_event(struct windows *self, const xcb_generic_event_t *event);

/**
 * windows_take_hints() - hints for a batch, the likeliest first
 * @sequence:  of the request for the batch's first image
 *
 * Returns how many.
 */
size_t windows_take_hints(
	struct windows *self, unsigned sequence, struct hint ret[WINDOWS_HINTS_MAX]);
