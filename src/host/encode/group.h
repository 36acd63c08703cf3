/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Viewers in step. All who decode the same things and keep up with each other
 * are one group: one set of what is dirty, one compressor, one cache, and each
 * message encoded once. Whoever is not ready when the others have something
 * to be sent is left behind after a moment: he gets a group of his own, which
 * costs a dirty set until he is ready again. Groups that stand at the same
 * point become one again where a frame begins. For that the compressor starts
 * anew and the slots of the cache count as empty, so that nothing refers to
 * what only some of them have; nobody has to be told.
 *
 * Nothing is ever queued beyond one frame: it is made piece by piece when the
 * first member can take it, of the newest state, and kept until all have it.
 * Threads compress what is large: while one piece is with them, the next is made.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/clock.h"
#include "base/list.h"
#include "host/encode/encode.h"
#include "host/scene/scene.h"
#include "host/video/video.h"
#include "loop/worker.h"
#include "wire/stream.h"

/* So long those who are ready wait for the others. */
#define GROUP_GRACE_USEC (10 * USEC_PER_MSEC)

/* So many pieces of a frame, of 128 KiB at most, a member may be behind. */
#define GROUP_PIECES_MAX 32

/* Before who was left behind may join others again; doubled each time. */
#define GROUP_PATIENCE_USEC (1 * USEC_PER_SEC)
#define GROUP_PATIENCE_MAX_USEC (64 * USEC_PER_SEC)

/* All groups of one scene. Embedded in the host. */
struct groups {
	sd_event *event;     /* borrowed */
	struct scene *scene; /* borrowed */
	struct video *video; /* borrowed; NULL: there is none */
	const struct encode_impl *impl;
	struct worker *worker; /* of all encoders; NULL: no memory for it, they do without */
	struct list list;
};

/* @video: NULL where nothing is to go as coded pictures. */
void groups_init(struct groups *self, sd_event *event, struct scene *scene, struct video *video,
	const struct encode_impl *impl);

/* All members must be gone. Waits for the threads, some milliseconds; takes zeroes. */
void groups_finish(struct groups *self);

struct group;
struct piece;
struct member;

struct member_events {
	/* May another frame begin for it, as far as its link is concerned? */
	bool (*is_ready)(const struct member *self);
	/* A frame begins. */
	void (*begin)(struct member *self, usec_t now);
	/*
	 * At how many bytes a frame that begins now should end, whatever is still dirty, and a
	 * piece of it: as its link takes them.
	 */
	void (*get_limits)(const struct member *self, usec_t now, size_t *ret_frame,
		size_t *ret_piece);
	/* Bytes per second that its link takes; 0: not known. */
	size_t (*get_rate)(const struct member *self);
	/* Until then, by clock_now(), films are to be sparse, since an echo is awaited; 0: never. */
	usec_t (*get_echo)(const struct member *self);
	/* Something has become due: there is to be a member_take(), but not from within. */
	void (*wake)(struct member *self);
};

/* One viewer in a group. Embedded in its pacer. */
struct member {
	const struct member_events *events;
	struct list link;
	struct group *group; /* NULL: no memory, its viewer must go */
	struct piece *next;  /* to take, once it is complete; NULL: has all that was begun */
	struct piece *held;  /* given out last */
	bool open;	     /* in the middle of a frame */
	bool must_end;	     /* whose rest is void: an empty piece is to end it */
	usec_t since;	     /* in this group */
	usec_t patience;
};

/* What member_take() gives: the body of one FRAME, or of a PICTURE. */
struct member_piece {
	enum stream_codec codec; /* 0: of a FRAME */
	bool key;		 /* of a PICTURE, as @half and @at */
	bool half;
	struct rect at;
	uint8_t *bytes; /* borrowed, to be sent at once; ENCODE_HEADROOM writable ones before it */
	size_t n;
	bool more;   /* of the same frame follow */
	usec_t cost; /* so long a thread worked on it */
	const struct stats_work *work; /* what there is in it; borrowed as well */
};

/* Whole screen dirty, in a group of its own. @decodes: as stream_sign_in's. -ENOMEM; it needs no
 * finish then. */
int member_init(struct member *self, struct groups *groups, unsigned decodes,
	const struct member_events *events);
void member_finish(struct member *self);

/* Is there something to take now? */
bool member_is_due(const struct member *self);

/* Has it taken all that there is to be seen? */
bool member_is_up_to_date(const struct member *self);

/*
 * Only when due. Returns 0; -EAGAIN: something was made that is not complete yet, so ask again if
 * it is due, or when it is woken; -ENOMEM: the viewer must go.
 */
int member_take(struct member *self, struct member_piece *ret);

/* Takes from @dirty what goes to it as films. */
void member_exclude_films(const struct member *self, struct region *dirty);

/*
 * The viewer sees in @rect what no frame has brought: the next that has to do with it paints it,
 * even if the viewer's picture is right there.
 */
void member_forget(struct member *self, const struct rect *rect);

/* The scene has changed: wakes this member if something is due for it. */
void member_handle_damage(struct member *self);

/* It is ready again: that may be what the others wait for, or wait no longer for. */
void member_handle_ready(struct member *self);

/* After scene_resize(); its viewer is sent a SCREEN before anything else. -ENOMEM: must go. */
int member_handle_resize(struct member *self);

/* How many share its messages, it included; for tests and figures. */
unsigned member_n_in_step(const struct member *self);
