/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/video/codec.h"

#include <errno.h>

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

int codec_load(struct codec *self, const struct codec_input *in)
{
	if (!codec_takes(self->impl, in->width, in->height))
		return -ERANGE;
	return self->impl->load(self, in);
}
