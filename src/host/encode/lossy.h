/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What goes to a group as coded pictures, films (host/video) and photos (photo.h): it is not
 * exact there until tiles make it so.
 */

#include "host/encode/group-inside.h"

/* Without memory for it all goes as tiles. */
void lossy_start(struct group *self);
void lossy_stop(struct group *self);

/* Takes out of what is dirty what is not for tiles. */
void lossy_exclude(struct group *self);

/* Is there a picture to take, or something that is to become exact? */
bool lossy_is_due(const struct group *self);

/* A frame begins: the picture that is to end it, or NULL; and what is to become exact in it. */
struct video_picture *lossy_take(struct group *self);
void lossy_build_up(struct group *self, usec_t now);

/* @picture went to all. */
void lossy_note_sent(struct group *self, const struct video_picture *picture, usec_t now);

/* All that is not exact for @self becomes dirty in @view. */
void lossy_add_to(const struct group *self, struct scene_view *view);

/* All is exact. */
bool lossy_is_exact(const struct group *self);

/*
 * @move is to go to the viewers: what is inexact where it comes from is taken along, or dirty
 * where it goes to, which is for lossy_exclude() after the last one. False: it cannot go, since
 * pictures are still to paint there and it is not the @last one.
 */
bool lossy_move(struct group *self, const struct scene_move *move, bool last);

/* @rect is exact from now on, and the encoder has taken note of that. */
void lossy_note_exact(struct group *self, const struct rect *rect);

/* Tells whether a picture could go now: then one is coded. */
void lossy_offer(struct group *self, usec_t now);
