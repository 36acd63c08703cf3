/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/video/codec.h"

#include <errno.h>
#include <libyuv/scale_argb.h>

#include "base/mem.h"

#define TARGET_MAX ((size_t)4 << 20)
#define PIXELS_PER_BYTE 31 /* 4 MB/s for 60 pictures of 1080p */

size_t codec_target(const struct codec_input *in)
{
	size_t target = in->target_bytes ? in->target_bytes
					 : (size_t)in->width * in->height / PIXELS_PER_BYTE;

	return target > TARGET_MAX ? TARGET_MAX : target;
}

bool codec_takes(const struct codec_impl *impl, unsigned width, unsigned height)
{
	return width >= impl->side_min && height >= impl->side_min && width <= impl->side_max &&
		height <= impl->side_max && (size_t)width * height <= impl->area_max;
}

/* A last row or column without another beside it is taken over as it is. */
static void halve(uint32_t *to, const struct codec_input *in)
{
	unsigned width = codec_half(in->width), height = codec_half(in->height);
	int stride = (int)(in->stride * sizeof(*to)), half_stride = (int)(width * sizeof(*to));
	unsigned even_width = in->width / 2 * 2, even_height = in->height / 2 * 2;

	ARGBScale((const uint8_t *)in->pixels, stride, (int)even_width, (int)even_height,
		(uint8_t *)to, half_stride, (int)even_width / 2, (int)even_height / 2,
		kFilterBox);
	if (even_width < in->width) {
		for (unsigned row = 0; row < in->height / 2; row++)
			to[(size_t)row * width + width - 1] =
				in->pixels[(size_t)row * 2 * in->stride + even_width];
	}
	if (even_height < in->height) {
		const uint32_t *last_row = in->pixels + (size_t)even_height * in->stride;

		for (unsigned column = 0; column < width; column++)
			to[(size_t)(height - 1) * width + column] = last_row[2 * column];
	}
}

static int load_half(struct codec *self, const struct codec_input *in)
{
	struct codec_input half = {
		.stride = codec_half(in->width),
		.width = codec_half(in->width),
		.height = codec_half(in->height),
		.key = in->key,
		.target_bytes = self->impl->is_still ? in->target_bytes : codec_target(in),
		.quality = in->quality,
	};
	size_t n = (size_t)half.width * half.height;

	if (!codec_takes(self->impl, half.width, half.height) || in->width < 2
		|| in->height < 2)
		return -ERANGE;
	if (n != self->n_small) {
		uint32_t *small = mem_alloc(n, sizeof(*small));

		if (!small)
			return -ENOMEM;
		free(self->small);
		self->small = small;
		self->n_small = n;
	}
	halve(self->small, in);
	half.pixels = self->small;
	return self->impl->load(self, &half);
}

int codec_load(struct codec *self, const struct codec_input *in)
{
	self->half = in->half;
	if (in->half)
		return load_half(self, in);
	if (!codec_takes(self->impl, in->width, in->height))
		return -ERANGE;
	return self->impl->load(self, in);
}

int codec_encode(struct codec *self, struct codec_output *ret)
{
	int r = self->impl->encode(self, ret);

	if (r >= 0)
		ret->half = self->half;
	return r;
}

void codec_destroy(struct codec *self)
{
	if (!self)
		return;
	free(self->small);
	self->impl->destroy(self);
}
