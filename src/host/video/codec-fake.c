/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/video/codec.h"

#include <errno.h>

#include "base/mem.h"

struct fake {
	struct codec codec;
	unsigned width;
	unsigned height;
	bool loaded;
	uint8_t n_pictures;
	uint8_t body[CODEC_FAKE_SIZE];
};

static struct codec *create(void)
{
	struct fake *self = mem_new(struct fake);

	if (!self)
		return NULL;
	self->codec.impl = &codec_fake;
	return &self->codec;
}

static int load(struct codec *codec, const struct codec_input *in)
{
	struct fake *self = (struct fake *)codec;

	self->body[0] = (uint8_t)(in->pixels[0] >> 16);
	self->body[1] = (uint8_t)(in->pixels[0] >> 8);
	self->body[2] = (uint8_t)in->pixels[0];
	self->body[3] = in->key || in->width != self->width || in->height != self->height;
	self->width = in->width;
	self->height = in->height;
	self->loaded = true;
	return 0;
}

static int encode(struct codec *codec, struct codec_output *ret)
{
	struct fake *self = (struct fake *)codec;

	if (!self->loaded)
		return -EINVAL;
	self->loaded = false;
	self->body[4] = self->n_pictures++;
	*ret = (struct codec_output){
		.bytes = self->body,
		.n = sizeof(self->body),
		.key = self->body[3],
	};
	return 0;
}

static void destroy(struct codec *codec)
{
	free(codec);
}

const struct codec_impl codec_fake = {
	.id = CODEC_VP9,
	.name = "fake",
	.side_min = 1,
	.side_max = 65535,
	.area_max = SIZE_MAX,
	.create = create,
	.load = load,
	.encode = encode,
	.destroy = destroy,
};
