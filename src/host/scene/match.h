/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Which rectangles have moved by a given vector? Captured pixels are compared with the shadow's
 * at the vector's distance: for each part a row that is equal there, and is not where it was,
 * speaks for a move; one that is not equal there, against it. The best rectangle grows from the
 * column of tiles with the most of the former, row by row and column by column; at its sides,
 * where a tile is only partly in it, pixel by pixel.
 */

#include <stdbool.h>

#include "host/scene/captured.h"
#include "host/scene/rect.h"
#include "host/scene/scene.h"

#define MATCH_MAX 4

struct match {
	struct captured *captured; /* borrowed */
	const struct scene *scene; /* borrowed */
	int *scores;               /* of each row of pixels of the screen; borrowed */

	/* What is tried now. */
	struct rect area;
	int dx;
	int dy;
};

/**
 * match_find() - try a vector, which is not 0 and no longer than the screen
 * @area:      where something may have moved to
 * @doubtful:  to be given up soon when nothing speaks for it
 *
 * Returns the number of moves, each of which saves more than it costs, in an order in which
 * none reads or writes what another has written. All of what they write is captured. A part
 * that lies in one of them and has @moved in all rows is as captured after it.
 */
unsigned match_find(struct match *self, const struct rect *area, int dx, int dy, bool doubtful,
	struct scene_move ret[MATCH_MAX]);
