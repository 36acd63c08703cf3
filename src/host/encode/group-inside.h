/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What a group is inside, for the files that share it: group.c has the groups and what happens
 * to them, frame.c makes frames, step.c says who goes along, and lossy.c knows what went as
 * coded pictures. group.h is the manual.
 */

#include "host/encode/group.h"
#include "host/encode/order.h"
#include "host/encode/photo.h"
#include "host/encode/piece.h"

struct group {
	struct list link;
	struct groups *groups; /* borrowed */
	struct list members;
	unsigned n_members;
	unsigned decodes;
	struct scene_view view;
	struct order order;
	struct encoder *encoder; /* NULL until there is something to encode */
	sd_event_source *grace;  /* these two are NULL until they were needed */
	sd_event_source *rest;
	usec_t encoded; /* when, last */
	struct list pieces;
	uint64_t n_pieces; /* ever */
	bool lost;         /* no memory: all its viewers must go */

	struct video_viewer video; /* if it @has_video */
	bool has_video;
	struct photo photo;
	bool photo_went; /* with the newest picture */
	struct video_picture *picture; /* that ends this frame; NULL: none does */
	bool tiles_done;               /* of this frame, so that the picture is next */

	bool open;        /* a frame has begun, and not all of it is encoded: */
	size_t n_frame;   /* bytes of it so far, as expected where they are not known, */
	size_t frame_max; /* with so many it ends */
	size_t piece_max;
	uint64_t moved_px; /* so far */
};

static inline const struct scene *group_scene(const struct group *self)
{
	return self->groups->scene;
}

/* Whole screen dirty, nobody in it. NULL: no memory. */
struct group *group_create(struct groups *groups, unsigned decodes);
void group_destroy(struct group *self);

void group_enter(struct group *self, struct member *member, usec_t now);

/* The group may then be empty: for the caller to destroy. */
void group_leave(struct member *member);

bool group_is_ready(const struct member *member);
bool group_all_ready(const struct group *self);
bool group_one_is_ready(const struct group *self);

/* To be seen, that no frame has yet. */
bool group_has_something(const struct group *self);

/* Those for whom something is due, but not @but, which may be NULL. */
void group_wake_all(struct group *self, const struct member *but);

/* Nothing more can be encoded for them. */
void group_lose(struct group *self, const struct member *but);

/* The frame's limits as they suit @member, too. */
void group_set_limits(struct group *self, const struct member *member, usec_t now);

/* Unless it runs already. 0 or a negative errno. */
int group_start_timer(struct group *self, sd_event_source **timer, usec_t delay,
	sd_event_time_handler_t handler);
