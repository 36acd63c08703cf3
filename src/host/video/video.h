/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The parts of one screen that go to its viewers as coded pictures, and which pixels of theirs
 * are therefore not exact. It has a view of the scene of its own, in which it finds regions
 * that keep changing (host/video/busy.h); each is coded once for all viewers who decode the
 * same and keep pace, in a worker thread, as fast as they take it, the CPU budget allows and
 * something changes. Nothing runs while there is no region.
 *
 * A viewer joins a coded sequence with a key picture. Who does not take a picture within
 * VIDEO_LATE_USEC while others wait for the next goes on in a second sequence, for all who are
 * late, at the pace of the slowest.
 *
 * What a pacer does, for each viewer:
 *
 *   video_viewer_exclude()      before it walks its dirty set: what is left is for tiles
 *   video_viewer_sent_exact()   for each rectangle that it then sends in a FRAME
 *   video_viewer_note_moved()   for each COPY
 *   video_viewer_is_lossy()     before a STORE or CACHED that reads it
 *   video_viewer_set_ready()    whether it could send a picture if there were one
 *   video_viewer_is_due(), video_viewer_take()   a picture, for a PICTURE message
 *
 * and who owns the scene calls video_look() after it has changed. All is of the main thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/list.h"
#include "host/scene/scene.h"
#include "host/video/busy.h"
#include "host/video/codec.h"
#include "host/video/video-worker.h"

#define VIDEO_LATE_USEC (50 * USEC_PER_MSEC)
#define VIDEO_LATEST_USEC                                                                      \
 (500 * USEC_PER_MSEC) /* the same among the late, who then wait for a key */

/* Where a film would be in the way of something. */
#define VIDEO_SPARSE_USEC (500 * USEC_PER_MSEC)

/* Of one core, for all regions. */
#define VIDEO_BUDGET 0.5

/* Writable bytes that stand before a picture, for PICTURE's header and the transport's. */
#define VIDEO_HEADROOM 64

/* A bit for each codec of codec.h, as 1 << id. */
#define VIDEO_DECODES(id) (1U << (id))

/* Shared by the viewers that are to send it. Its headroom is for whoever sends it now. */
struct video_picture {
	unsigned n_refs;
	enum codec_id codec;
	struct rect at;
	bool key;
	bool half; /* it has half as many pixels each way as @at, rounded up */
	size_t n;
	uint8_t *bytes;
};

/* With one reference. NULL: no memory. */
struct video_picture *video_picture_create(
	enum codec_id codec, const struct rect *at, const struct codec_output *coded);

/* Takes NULL. */
void video_picture_unref(struct video_picture *self);

struct video_sequence;

struct video {
	struct scene *scene; /* borrowed */
	struct scene_view view;
	struct busy busy;
	struct worker *worker;
	sd_event_source *timer;
	const struct codec_impl *const *codecs; /* borrowed; best first, ends with NULL */
	struct list viewers;
	struct list sequences;
};

/* From within functions of the video, and from the loop. None may end a viewer. */
struct video_viewer_events {
	/* There is a picture to take. */
	void (*due)(void *data);
	/* It no longer goes as pictures: all of @rect is to be sent in FRAMEs. */
	void (*exact)(void *data, const struct rect *rect);
};

/* What a viewer has of one region. */
struct video_place {
	struct video_sequence
		*sequence;             /* NULL: none; the region goes to it in lossless tiles */
	struct video_picture *picture; /* to be taken; or NULL */
	bool in_step; /* it has, or will take, all since the last key picture */
};

/* Embedded in the pacer. */
struct video_viewer {
	struct list link;
	struct video *video; /* borrowed */
	const struct video_viewer_events *events;
	void *data;
	unsigned decodes; /* VIDEO_DECODES() */
	bool ready;
	size_t bytes_per_second; /* 0: as many as there are */
	usec_t sparse_until;     /* a picture in VIDEO_SPARSE_USEC is enough; set by the caller */
	struct region lossy;     /* was painted by a picture, and by no FRAME since */
	struct video_place places[BUSY_REGIONS_MAX];
};

/* What the host uses, best first: H.264, VP9, JPEG, NULL. */
extern const struct codec_impl *const video_codecs[];

/**
 * video_create() - for a screen
 * @scene:   borrowed, as @event
 * @codecs:  video_codecs, or a test's
 *
 * Returns 0 or negative errno.
 */
int video_create(struct video **ret, struct scene *scene, sd_event *event,
	const struct codec_impl *const *codecs);

/* Its viewers must be gone. Waits for a picture that is being coded. Takes NULL. */
void video_destroy(struct video *self);

/**
 * video_handle_resize() - after scene_resize()
 *
 * Everything before is void, and no viewer is told. -ENOMEM: there will be no regions, or, for
 * a viewer, video_viewer_is_lost().
 */
int video_handle_resize(struct video *self);

/* The scene has changed, or some of it has. */
void video_look(struct video *self, usec_t now);

/* Is a picture being coded, which the loop will hear of? */
bool video_is_coding(const struct video *self);

/* The best for a picture of this size; NULL: @decodes has none. */
const struct codec_impl *video_choose(const struct codec_impl *const *codecs, unsigned decodes,
	unsigned width, unsigned height);

/* -ENOMEM; @self then needs no finish. */
int video_viewer_init(struct video_viewer *self, struct video *video, unsigned decodes,
	const struct video_viewer_events *events, void *data);
void video_viewer_finish(struct video_viewer *self);

/* Takes from @dirty what goes as pictures: tiles that lie in such a region. */
void video_viewer_exclude(const struct video_viewer *self, struct region *dirty);

/* May it have pixels in @rect that are not what the scene has: of a picture, or before the first? */
bool video_viewer_is_lossy(const struct video_viewer *self, const struct rect *rect);

/* Has it none of these anywhere? */
bool video_viewer_is_exact(const struct video_viewer *self);

/* All of these become dirty: for one who goes on without this viewer's pictures. */
void video_viewer_add_lossy(const struct video_viewer *self, struct region *dirty);

/* A FRAME has painted all of @rect. */
void video_viewer_sent_exact(struct video_viewer *self, const struct rect *rect);

/* A COPY went: what pictures paint, or have painted, is dirty where it is now. */
void video_viewer_note_moved(
	struct video_viewer *self, const struct scene_move *move, struct region *dirty);

/**
 * video_viewer_set_ready() - could it send a picture now?
 * @bytes_per_second:  that it can take; 0: not known
 *
 * True is what gets a picture coded.
 */
void video_viewer_set_ready(
	struct video_viewer *self, bool ready, size_t bytes_per_second, usec_t now);

bool video_viewer_is_due(const struct video_viewer *self);

/* The caller owns what it gets, and sends it now; NULL when none is due. */
struct video_picture *video_viewer_take(struct video_viewer *self);
