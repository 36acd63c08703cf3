/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/video/planes.h"

#include <errno.h>
#include <libyuv/convert_from_argb.h>
#include <string.h>

#include "base/mem.h"

int planes_resize(struct planes *self, unsigned width, unsigned height)
{
	size_t even_width = width + width % 2, even_height = height + height % 2;
	size_t luma = even_width * even_height, size = luma + luma / 2;

	if (size != self->size) {
		uint8_t *memory = mem_alloc(size, 1);

		if (!memory)
			return -ENOMEM;
		free(self->y);
		self->y = memory;
		self->size = size;
	}
	self->width = (unsigned)even_width;
	self->height = (unsigned)even_height;
	self->u = self->y + luma;
	self->v = self->u + luma / 4;
	return 0;
}

void planes_finish(struct planes *self)
{
	free(self->y);
	*self = (struct planes){ 0 };
}

void planes_fill(struct planes *self, const uint32_t *pixels, size_t stride, unsigned width,
	unsigned height)
{
	int half = (int)self->width / 2;

	/* libyuv's ARGB is named as a number has it: in memory B comes first, as here. */
	ARGBToI420((const uint8_t *)pixels, (int)(stride * sizeof(*pixels)), self->y,
		(int)self->width, self->u, half, self->v, half, (int)width, (int)height);
	if (width < self->width) {
		for (unsigned row = 0; row < height; row++) {
			uint8_t *last = self->y + (size_t)row * self->width + width;

			last[0] = last[-1];
		}
	}
	if (height < self->height) {
		uint8_t *last = self->y + (size_t)height * self->width;

		memcpy(last, last - self->width, self->width);
	}
}
