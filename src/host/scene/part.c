/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/scene/part.h"

#include "host/scene/pixels.h"
#include "host/scene/scene.h"

#define TILE REGION_TILE_PX

struct rect part_box(const struct part *self)
{
	if (!self->changed)
		return (struct rect){ 0 };
	return (struct rect){
		self->at.left + self->left,
		self->at.top + __builtin_ctzll(self->changed),
		self->at.left + self->right,
		self->at.top + 64 - __builtin_clzll(self->changed),
	};
}

size_t part_cut(const struct patch *patch, const struct rect *visible, struct part_place *place,
	struct part ret[PART_RUN_MAX])
{
	int top = place->y, left = place->x;
	size_t n = 0;

	if (top >= visible->bottom)
		return 0;
	for (; n < PART_RUN_MAX && left < visible->right; n++) {
		struct rect tile = rect_sized(left - left % TILE, top - top % TILE, TILE, TILE);
		struct rect at = rect_intersect(&tile, visible);

		ret[n] = (struct part){
			.at = at,
			.pixels = patch_at(patch, at.left, at.top),
			.stride = patch->stride,
		};
		left = at.right;
	}
	place->x = left < visible->right ? left : visible->left;
	if (left == visible->right)
		place->y = top - top % TILE + TILE;
	return n;
}

/* One row, known to differ somewhere in the run. */
static void note_row(struct part *self, int row, const uint32_t *new, const uint32_t *old)
{
	int width = rect_width(&self->at);

	if (pixels_equal(new, old, (size_t)width))
		return;
	if (!self->changed) {
		self->left = width;
		self->right = 0;
	}
	self->changed |= UINT64_C(1) << row;
	self->left = (int)pixels_same_head(new, old, (size_t)self->left);
	self->right = width
		- (int)pixels_same_tail(
			new + self->right, old + self->right, (size_t)(width - self->right));
}

void part_compare(struct part *parts, size_t n, const struct scene *scene)
{
	const struct rect first = parts[0].at;
	size_t width = (size_t)(parts[n - 1].at.right - first.left);

	for (size_t i = 0; i < n; i++)
		parts[i].changed = 0;
	/* Row by row through all of them: that is how they lie in memory. */
	for (int row = 0; row < rect_height(&first); row++) {
		const uint32_t *new = parts[0].pixels + (size_t)row *parts[0].stride;
		const uint32_t *old = scene_at(scene, first.left, first.top + row);

		if (pixels_equal(new, old, width))
			continue;
		for (size_t i = 0; i < n; i++) {
			size_t at = (size_t)(parts[i].at.left - first.left);

			note_row(&parts[i], row, new + at, old + at);
		}
	}
}
