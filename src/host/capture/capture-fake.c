/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/capture/capture-fake.h"

#include <errno.h>

#include "base/mem.h"

struct capture_fake {
	struct capture base;
	unsigned generation;
	unsigned width;
	unsigned height;
	uint32_t *pixels;
};

static void destroy(struct capture *capture)
{
	struct capture_fake *self = (struct capture_fake *)capture;

	free(self->pixels);
	free(self);
}

static void release(struct capture *capture)
{
	(void)capture;
}

static const struct capture_impl impl = {
	.release = release,
	.destroy = destroy,
};

struct capture *capture_fake_create(
	unsigned width, unsigned height, const struct capture_events *events, void *data)
{
	struct capture_fake *self = mem_new(struct capture_fake);

	if (!self)
		return NULL;
	self->base = (struct capture){ .impl = &impl, .events = events, .data = data };
	if (capture_fake_resize(&self->base, width, height) < 0) {
		destroy(&self->base);
		return NULL;
	}
	return &self->base;
}

int capture_fake_resize(struct capture *capture, unsigned width, unsigned height)
{
	struct capture_fake *self = (struct capture_fake *)capture;
	uint32_t *pixels = mem_alloc((size_t)width * height, sizeof(*pixels));

	if (!pixels)
		return -ENOMEM;
	free(self->pixels);
	self->pixels = pixels;
	self->width = width;
	self->height = height;
	self->generation++;
	self->base.events->geometry(self->base.data, self->generation, width, height);
	return 0;
}

void capture_fake_fill(struct capture *capture, const struct rect *rect, uint32_t colour)
{
	struct capture_fake *self = (struct capture_fake *)capture;
	struct rect screen = { 0, 0, (int)self->width, (int)self->height };
	struct rect r = rect_intersect(rect, &screen);
	struct patch changed = { .at = r, .stride = self->width };
	struct capture_batch batch = {
		.generation = self->generation, .rects = &changed, .n_rects = 1
	};

	if (rect_is_empty(&r))
		return;
	for (int y = r.top; y < r.bottom; y++) {
		for (int x = r.left; x < r.right; x++)
			self->pixels[(size_t)y * self->width + (size_t)x] = colour;
	}
	changed.pixels = &self->pixels[(size_t)r.top * self->width + (size_t)r.left];
	self->base.events->batch(self->base.data, &batch);
}
