/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* How the frames of a group are made: one piece after another, of the newest state. */

#include "host/encode/group-inside.h"

/* One more piece, for all; a frame begins if none is open. -ENOMEM: the group is lost. */
int frame_encode(struct group *self);
