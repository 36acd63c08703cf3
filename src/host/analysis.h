/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Takes over what was captured, for the loop: what is small at once, and a film or a scroll over
 * the whole screen a step at a time, between which what waits for the loop has its turn: a
 * viewer's key, above all.
 */

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "host/scene/moves.h"

/* All is taken over; @changed: some of it differed. May start another. */
typedef void (*analysis_fn)(void *data, bool changed);

struct analysis {
	struct moves moves;
	sd_event_source *more; /* the next step, in turn with all that is ready in the loop */
	analysis_fn done;
	void *data;
};

/* @scene: borrowed. Returns 0 or negative errno. */
int analysis_init(struct analysis *self, sd_event *event, struct scene *scene, analysis_fn done,
	void *data);

/* Takes zeroes. */
void analysis_finish(struct analysis *self);

/* What is under way is forgotten, and @done is not called for it. */
void analysis_drop(struct analysis *self);

/* After scene_resize(). Drops, too. */
void analysis_handle_resize(struct analysis *self);

/* @batch: borrowed until @done, which may be called from here. None must be under way. */
void analysis_start(struct analysis *self, const struct moves_batch *batch);
