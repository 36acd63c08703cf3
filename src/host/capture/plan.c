/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/capture/plan.h"

/* The next dirty tile with all that follow it without a gap in the same row of tiles. */
static bool take_run(struct region *region, size_t *tile, struct rect *ret)
{
	struct rect box;
	size_t at;

	if (!region_take(region, tile, ret))
		return false;
	at = *tile;
	while (at % region->columns != 0 && region_next(region, &at, &box) && at == *tile + 1) {
		region_take(region, tile, &box);
		*ret = rect_unite(ret, &box);
	}
	return true;
}

/* A rectangle that ends where @run begins, and is as wide; NULL when there is none. */
static struct rect *find_above(struct rect *rects, size_t n, const struct rect *run)
{
	for (size_t i = n; i > 0; i--) {
		struct rect *rect = &rects[i - 1];

		if (rect->bottom == run->top && rect->left == run->left
			&& rect->right == run->right)
			return rect;
	}
	return NULL;
}

size_t plan_take(
	struct region *region, struct rect *ret_rects, size_t n_max, size_t pixels_max)
{
	size_t n = 0, pixels = 0, tile = 0;
	struct rect run;

	while (take_run(region, &tile, &run)) {
		struct rect *above = find_above(ret_rects, n, &run);

		if ((!above && n == n_max) || pixels + rect_area(&run) > pixels_max) {
			region_add(region, &run);
			break;
		}
		if (above)
			above->bottom = run.bottom;
		else
			ret_rects[n++] = run;
		pixels += rect_area(&run);
	}
	return n;
}
