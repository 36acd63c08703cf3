/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Photos for one group of viewers whose link would be late with them as tiles: they go as JPEG
 * first, a part at a time, and become exact when they rest.
 *
 * A dirty tile is taken for one when it is large, in many colours and noisy. As long as the
 * link takes all such tiles within PHOTO_LATE_USEC they are none of our business; otherwise
 * they wait here for the coder, which is the video's worker thread, and each part of them, of
 * as many bytes as the link takes in a moment, ends a frame as a PICTURE. Text, and whatever is
 * small, goes as tiles all the while, and before.
 *
 * Once nothing has changed in such a tile for PHOTO_REST_USEC, and nothing else is to be sent,
 * it becomes dirty again, of all these tiles as many at a time as one frame takes; so what
 * changes meanwhile finds its way between them, and a tile that changes again leaves the rest
 * of its build-up undone. On a link that is always full they get a share after
 * PHOTO_STARVED_USEC.
 *
 * Nothing is allocated, and no thread runs, before the first photo that would be late.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/clock.h"
#include "host/scene/region.h"
#include "host/scene/scene.h"
#include "host/video/video.h"

/* So that what can be exact within 200 ms is, by itself: with pictures before it, it is later. */
#define PHOTO_LATE_USEC (150 * USEC_PER_MSEC)
#define PHOTO_REST_USEC (50 * USEC_PER_MSEC)
#define PHOTO_STARVED_USEC (1 * USEC_PER_SEC)
#define PHOTO_PART_USEC (40 * USEC_PER_MSEC) /* of the link, that one PICTURE takes */

/*
 * Bytes per second: what takes more is not slow. Nor is a link that takes as much as comes out
 * of our own compressor, or half of it: then it is this machine that is late, and JPEG in
 * another thread of it is no help.
 */
#define PHOTO_RATE_MAX ((size_t)4 * 1000 * 1000)

#define PHOTO_QUALITY 80

/* Embedded in the group. */
struct photo {
	sd_event *event; /* borrowed, as all of these */
	struct video *video;
	const struct scene *scene;
	const struct video_viewer_events *events;
	void *data;
	const struct codec_impl *codec; /* NULL: all goes as tiles */
	uint64_t encoded_bytes;         /* of tiles, of late; both fade */
	usec_t encoded_usec;

	/* From the first photo on; @coder is NULL until then. */
	struct video_coder *coder;
	sd_event_source *timer;
	usec_t *changed;       /* when, of each tile */
	struct region waiting; /* for the coder */
	struct rect at;      /* is being coded, or coded and not yet sent; empty: nothing is */
	struct region held;  /* what has changed in it meanwhile */
	struct region lossy; /* was painted by a picture, and by no FRAME since */
	struct region moved; /* of it; while a move is looked at only */
	struct video_picture *picture; /* of @at; NULL: not yet */
	bool taken;                    /* by the frame that goes on */
	size_t density;                /* bytes of JPEG for a pixel, in 1/256 */
};

/**
 * photo_size() - how many bytes @box has as a tile
 * @box:     within one tile
 * @pixels:  of its left top corner
 *
 * An estimate; 0: it is no photo.
 */
size_t photo_size(const struct rect *box, const uint32_t *pixels, size_t stride);

/*
 * @video: lends its thread; NULL: all goes as tiles, as when JPEG is not among what it codes
 * and what the viewers @decodes. @events: as a video viewer's.
 */
void photo_init(struct photo *self, sd_event *event, struct video *video, unsigned decodes,
	const struct video_viewer_events *events, void *data);
void photo_finish(struct photo *self);

/* After scene_resize(): all before is void. */
void photo_handle_resize(struct photo *self);

/* So many bytes of tiles took us so long. */
void photo_note_encoded(struct photo *self, size_t n, usec_t usec);

/*
 * Takes out of @dirty what is to go as pictures, and what has to wait for one. @rate: bytes per
 * second of the slowest link; 0: not known.
 */
void photo_choose(struct photo *self, struct region *dirty, size_t rate, usec_t now);

/* Does @rect touch what is being coded? A move must not go there. */
static inline bool photo_is_coding(const struct photo *self, const struct rect *rect)
{
	struct rect both = rect_intersect(&self->at, rect);

	return !rect_is_empty(&both);
}

/* Could a frame begin with a picture, or with some build-up? */
bool photo_is_due(const struct photo *self, usec_t now);

/* A frame begins: the picture that is to end it. NULL: there is none. */
struct video_picture *photo_take(struct photo *self);

/*
 * Has @picture gone, whoever made it? What was held back for it is dirty, the next may be
 * coded, with @rate as above.
 */
void photo_note_sent(struct photo *self, const struct video_picture *picture,
	struct region *dirty, size_t rate, usec_t now);

/*
 * A frame begins that has room for so many bytes: adds to @dirty what is to become exact in it.
 * @alone: it has nothing else.
 */
void photo_build_up(
	struct photo *self, struct region *dirty, bool alone, size_t n_bytes, usec_t now);

/* Is something in @rect still to be painted by a picture? */
bool photo_awaits(const struct photo *self, const struct rect *rect);

/* Is something in @rect not as the scene has it, and not dirty? */
bool photo_has(const struct photo *self, const struct rect *rect);

/* Adds all of that. */
void photo_add_to(const struct photo *self, struct region *dirty);

/* There is nothing of it. */
bool photo_is_exact(const struct photo *self);

/* @rect went in a FRAME. */
void photo_note_exact(struct photo *self, const struct rect *rect);

/*
 * A COPY went: what pictures have painted is as inexact where it is now, and rests from @now on.
 * What was not painted yet is not ours to move: it is added to @dirty, where it is now.
 */
void photo_note_moved(struct photo *self, const struct scene_move *move, struct region *dirty,
	usec_t now);
