/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/scene/scene.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

#define TILE REGION_TILE_PX
#define COLOUR 0x00ffffffU

/* Two pictures of the same part of the screen, as large as @size says. */
struct comparison {
	const uint32_t *new;
	size_t new_stride;
	const uint32_t *old;
	size_t old_stride;
	int width;
	int height;
};

void scene_init(struct scene *self)
{
	*self = (struct scene){ 0 };
	list_init(&self->views);
}

void scene_finish(struct scene *self)
{
	free(self->pixels);
	self->pixels = NULL;
}

static void resize_views(struct scene *self)
{
	struct scene_view *view;

	list_for_each(view, &self->views, link) {
		region_finish(&view->dirty);
		if (region_init(&view->dirty, self->width, self->height) < 0)
			view->lost = true;
	}
}

int scene_resize(struct scene *self, unsigned width, unsigned height)
{
	int r = 0;

	free(self->pixels);
	self->pixels = NULL;
	self->width = 0;
	self->height = 0;
	if (width > 0 && height > 0) {
		self->pixels = mem_alloc((size_t)width * height, sizeof(*self->pixels));
		if (self->pixels) {
			self->width = width;
			self->height = height;
		} else {
			r = -ENOMEM;
		}
	}
	resize_views(self);
	return r;
}

static bool pixel_differs(const struct comparison *c, int x, int y)
{
	return (c->new[(size_t)y * c->new_stride + (size_t)x]
		       ^ c->old[(size_t)y * c->old_stride + (size_t)x])
	       & COLOUR;
}

static bool row_differs(const struct comparison *c, int y)
{
	const uint32_t *new = c->new + (size_t)y *c->new_stride;
	const uint32_t *old = c->old + (size_t)y *c->old_stride;
	uint32_t difference = 0;

	/* The top byte may differ in every pixel: then only the slow way tells. */
	if (memcmp(new, old, (size_t)c->width * sizeof(*new)) == 0)
		return false;
	for (int x = 0; x < c->width; x++)
		difference |= new[x] ^ old[x];
	return difference & COLOUR;
}

/* The bounding box of what differs; empty when nothing does. */
static struct rect compare(const struct comparison *c)
{
	struct rect box = { c->width, 0, 0, c->height };

	while (box.top < box.bottom && !row_differs(c, box.top))
		box.top++;
	while (box.bottom > box.top && !row_differs(c, box.bottom - 1))
		box.bottom--;
	for (int y = box.top; y < box.bottom; y++) {
		for (int x = 0; x < box.left; x++) {
			if (pixel_differs(c, x, y))
				box.left = x;
		}
		for (int x = c->width; x > box.right; x--) {
			if (pixel_differs(c, x - 1, y))
				box.right = x;
		}
	}
	return box;
}

static void copy(struct scene *self, const struct rect *box, const uint32_t *pixels,
	size_t stride)
{
	uint32_t *to = self->pixels + (size_t)box->top * self->width + (size_t)box->left;

	for (int y = box->top; y < box->bottom; y++) {
		memcpy(to, pixels, (size_t)rect_width(box) * sizeof(*to));
		to += self->width;
		pixels += stride;
	}
}

/* @part lies in one tile; @pixels are those of its left top corner. */
static bool update_part(
	struct scene *self, const struct rect *part, const uint32_t *pixels, size_t stride)
{
	struct comparison comparison = {
		.new = pixels,
		.new_stride = stride,
		.old = scene_at(self, part->left, part->top),
		.old_stride = self->width,
		.width = rect_width(part),
		.height = rect_height(part),
	};
	struct rect box = compare(&comparison);
	struct scene_view *view;

	if (rect_is_empty(&box))
		return false;
	pixels += (size_t)box.top * stride + (size_t)box.left;
	box = (struct rect){ part->left + box.left, part->top + box.top,
		part->left + box.right, part->top + box.bottom };
	copy(self, &box, pixels, stride);
	list_for_each(view, &self->views, link)
		region_add(&view->dirty, &box);
	return true;
}

bool scene_update(
	struct scene *self, const struct rect *at, const uint32_t *pixels, size_t stride)
{
	struct rect screen = { 0, 0, (int)self->width, (int)self->height };
	struct rect r = rect_intersect(at, &screen);
	bool changed = false;

	if (rect_is_empty(&r))
		return false;
	for (int y = r.top - r.top % TILE; y < r.bottom; y += TILE) {
		for (int x = r.left - r.left % TILE; x < r.right; x += TILE) {
			struct rect tile = rect_sized(x, y, TILE, TILE);
			struct rect part = rect_intersect(&r, &tile);
			const uint32_t *from = pixels
					       + (size_t)(part.top - at->top) * stride
					       + (size_t)(part.left - at->left);

			changed |= update_part(self, &part, from, stride);
		}
	}
	return changed;
}

int scene_add_view(struct scene *self, struct scene_view *view)
{
	int r = region_init(&view->dirty, self->width, self->height);

	if (r < 0)
		return r;
	view->lost = false;
	region_add_all(&view->dirty);
	list_append(&self->views, &view->link);
	return 0;
}

void scene_remove_view(struct scene_view *view)
{
	list_remove(&view->link);
	region_finish(&view->dirty);
}
