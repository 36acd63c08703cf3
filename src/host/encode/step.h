/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* Who goes along with whom: falling out of step, and coming into step again. */

#include "host/encode/group-inside.h"

/* Some are ready and some are not: the others get a moment, then they are left behind. */
void step_wait_for_others(struct group *self);

/* So are those who do not keep up with the pieces of one frame. */
void step_leave_slow_behind(struct group *self);

/* Before a frame: other groups that stand where @self does become one with it. */
void step_gather(struct group *self, usec_t now);
