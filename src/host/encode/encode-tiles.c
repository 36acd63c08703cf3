/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/mem.h"
#include "host/encode/deflater.h"
#include "host/encode/encode.h"
#include "host/encode/tile.h"

struct encode_tiles {
	struct encoder base;
	struct deflater deflater;
};

static struct encoder *create(void)
{
	struct encode_tiles *self = mem_new(struct encode_tiles);

	if (!self)
		return NULL;
	self->base.impl = &encode_tiles;
	if (deflater_init(&self->deflater, ENCODE_HEADROOM) < 0) {
		free(self);
		return NULL;
	}
	return &self->base;
}

static void destroy(struct encoder *encoder)
{
	struct encode_tiles *self = (struct encode_tiles *)encoder;

	deflater_finish(&self->deflater);
	free(self);
}

static int add(
	struct encoder *encoder, const struct rect *at, const uint32_t *pixels, size_t stride)
{
	struct encode_tiles *self = (struct encode_tiles *)encoder;
	uint8_t bytes[STREAM_RECT_MAX];

	return deflater_add(&self->deflater, bytes, tile_write(bytes, at, pixels, stride));
}

static int take(struct encoder *encoder, uint8_t **ret, size_t *ret_n)
{
	struct encode_tiles *self = (struct encode_tiles *)encoder;

	return deflater_take(&self->deflater, ret, ret_n);
}

static size_t size(const struct encoder *encoder)
{
	return ((const struct encode_tiles *)encoder)->deflater.length;
}

static size_t work(const struct encoder *encoder)
{
	return ((const struct encode_tiles *)encoder)->deflater.n_in;
}

const struct encode_impl encode_tiles = {
	.create = create,
	.add = add,
	.take = take,
	.size = size,
	.work = work,
	.destroy = destroy,
};
