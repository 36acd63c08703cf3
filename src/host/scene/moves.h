/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What has moved on the screen? Most programs repaint when they scroll, so that moves have to
 * be found in the pixels: in the captured ones, compared with the shadow. Of what has changed,
 * lines of pixels are looked for elsewhere in the shadow (lines.h, votes.h); hints, such as
 * those of dragged windows, name other vectors. A vector is tried by comparing, and rectangles
 * are moved in which most rows of each tile have really moved and few would be spoilt. Whatever
 * differs after that is found by comparing again: a wrong guess costs time and bytes, never a
 * pixel.
 *
 * A batch is taken over in steps, for what is large keeps whoever waits for the thread waiting.
 * Between them the scene may have half of it: see scene->is_settling.
 *
 * Small changes, such as typing, are not looked into; while large ones bring no move, as with a
 * video, only every fourth is; and the work for one batch is bounded.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/scene/captured.h"
#include "host/scene/hint.h"
#include "host/scene/patch.h"
#include "host/scene/scene.h"
#include "host/scene/votes.h"

/* Captured pixels; patches do not overlap. */
struct moves_batch {
	const struct patch *patches;
	size_t n_patches;
	const struct hint *hints; /* the likeliest first */
	size_t n_hints;
};

enum moves_stage {
	MOVES_DONE,      /* or none was ever started */
	MOVES_COMPARING, /* the scene is as it was */
	MOVES_FINDING,
	MOVES_TAKING, /* what has not moved */
};

struct moves {
	struct scene *scene; /* borrowed */
	struct captured captured;
	struct votes votes;
	int *scores;  /* for match.h; NULL: no screen, or no memory to look for moves */
	int *weights; /* of each row or column of tiles */
	unsigned n_vain; /* batches in a row that were searched for nothing */

	/* Of the batch that is being taken over. */
	enum moves_stage stage;
	struct moves_batch batch;
	struct captured_rest rest; /* to compare */
	size_t next_hint;
	unsigned n_rounds; /* that brought moves */
	size_t next_part;  /* to take */
	bool changed;
};

void moves_init(struct moves *self, struct scene *scene);
void moves_finish(struct moves *self);

/* After scene_resize(); forgets a batch. Without memory no moves are found. */
void moves_handle_resize(struct moves *self);

/* No batch must be under way. What it points to is borrowed until it is done, or dropped. */
void moves_start(struct moves *self, const struct moves_batch *batch);

/* Forgets the batch, if there is one. What it has moved or brought so far stays. */
void moves_drop(struct moves *self);

/**
 * moves_go_on() - take over some more of the batch
 * @max_px:       pixels to look at, about; to try a vector is one step, however large it is
 * @ret_changed:  whether any differed; when it is done
 *
 * Returns whether it is done.
 */
bool moves_go_on(struct moves *self, size_t max_px, bool *ret_changed);

/* As scene_update(), for a whole batch. */
bool moves_update(struct moves *self, const struct moves_batch *batch);
