/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* How the frames of a group are made: one piece after another, of the newest state. */

#include "host/encode/group-inside.h"

/*
 * One more piece, for all; a frame begins if none is open. It may be complete only later: then
 * those who can have it are woken. -ENOMEM: the group is lost.
 */
int frame_encode(struct group *self);

/* Is it time for another piece of the frame that is open? */
bool frame_can_go_on(const struct group *self);

/* The encoder tells no more of those that are not complete. */
void frame_drop_coding(struct group *self);
