/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Finds the rectangles of the screen that a video codec does better than lossless tiles: those
 * that keep changing, over a large part and in many colours. A pure function of what it is told
 * and when: it has no clock and no timers.
 *
 * A tile is busy once it has changed for BUSY_ENTER_USEC, without a pause of BUSY_GAP_USEC,
 * each time over a quarter of it and in more colours than text and widgets have. Busy tiles
 * side by side make a region, if there are enough of them. What a move explains does not count:
 * a scroll, or a window that is dragged, is no video. A region grows soon, shrinks late, and
 * comes to rest when nothing of it was busy for BUSY_REST_USEC.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "host/scene/rect.h"
#include "host/scene/region.h"

#define BUSY_ENTER_USEC (500 * USEC_PER_MSEC)
#define BUSY_GAP_USEC (200 * USEC_PER_MSEC)
#define BUSY_REST_USEC (300 * USEC_PER_MSEC)
#define BUSY_GROW_USEC (500 * USEC_PER_MSEC)
#define BUSY_SHRINK_USEC (2 * USEC_PER_SEC)

#define BUSY_REGIONS_MAX 4
#define BUSY_SIDE_MIN_PX 96 /* of a region, each way */

/* Of busy_count_colours(), from 0 to BUSY_SAMPLES. */
#define BUSY_SAMPLES 128
#define BUSY_COLOURS_ENTER 40
#define BUSY_COLOURS_STAY 20

struct busy_tile;

struct busy_region {
	struct rect rect; /* even but at the screen's edge, and within it; empty: no region */
	usec_t placed;    /* since when it has been so large */
	usec_t wide;      /* since when that is far more than what is busy; 0: it is not */
};

/* From within busy_update(). @nth is a region's place, below BUSY_REGIONS_MAX. */
struct busy_events {
	void (*began)(void *data, unsigned nth, const struct rect *rect);
	void (*changed)(
		void *data, unsigned nth, const struct rect *before, const struct rect *rect);
	/* Whether at rest, or moved away: it has to be made exact. */
	void (*ended)(void *data, unsigned nth, const struct rect *rect);
};

struct busy {
	unsigned width;
	unsigned height;
	unsigned columns;
	unsigned rows;
	struct busy_tile *tiles;
	usec_t last;    /* a change of those that make a tile busy */
	usec_t updated; /* regions were looked for */
	struct busy_region regions[BUSY_REGIONS_MAX];
	const struct busy_events *events;
	void *data;
};

/* For a screen of this size (0x0 is none). -ENOMEM; @self then needs no finish. */
int busy_init(struct busy *self, unsigned width, unsigned height,
	const struct busy_events *events, void *data);

/* No region is told to have ended. */
void busy_finish(struct busy *self);

/* How many colours there are among some BUSY_SAMPLES pixels of @box. */
unsigned busy_count_colours(const struct rect *box, const uint32_t *pixels, size_t stride);

/* Does busy_note() want to know the colours of @box this time? Often it knows enough. */
bool busy_wants_colours(const struct busy *self, const struct rect *box);

/**
 * busy_note() - pixels have changed
 * @box:        within one tile of 64x64, on the screen
 * @n_colours:  of busy_count_colours(); not looked at unless busy_wants_colours()
 * @now:        never goes back
 */
void busy_note(struct busy *self, const struct rect *box, unsigned n_colours, usec_t now);

/**
 * busy_note_move() - what was noted last came with a move
 * @to, @from:  where to, and where from; both on the screen
 *
 * The tiles begin anew, and a region that moved ends. A move inside one is its picture's own.
 */
void busy_note_move(struct busy *self, const struct rect *to, const struct rect *from);

/* Looks for regions, after changes were noted and at busy_next(). Cheap when called too often.
 */
void busy_update(struct busy *self, usec_t now);

/* When to call busy_update() if nothing changes until then; USEC_NEVER without a region. */
usec_t busy_next(const struct busy *self);
