/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What goes to a group as coded pictures (host/video): it is not exact there until tiles make it
 * so.
 */

#include "host/encode/group-inside.h"

/* Without memory for it all goes as tiles. */
void lossy_start(struct group *self);
void lossy_stop(struct group *self);

/* Takes out of what is dirty what is not for tiles. */
void lossy_exclude(struct group *self);

/* Is something in @rect not exact? */
bool lossy_has(const struct group *self, const struct rect *rect);

/* All that is not exact for @self becomes dirty in @view. */
void lossy_add_to(const struct group *self, struct scene_view *view);

/* @rect is exact from now on. */
void lossy_note_exact(struct group *self, const struct rect *rect);

/* Tells whether a picture could go now: then one is coded. */
void lossy_offer(struct group *self, usec_t now);
