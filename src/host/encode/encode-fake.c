/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/mem.h"
#include "base/str.h"
#include "host/encode/encode.h"
#include "wire/stream.h"

struct encode_fake {
	struct encoder base;
	struct strbuf body; /* the headroom first */
};

static void begin(struct encode_fake *self)
{
	static const char headroom[ENCODE_HEADROOM];

	self->body.length = 0;
	strbuf_append(&self->body, headroom, sizeof(headroom));
}

static struct encoder *create(void)
{
	struct encode_fake *self = mem_new(struct encode_fake);

	if (!self)
		return NULL;
	self->base.impl = &encode_fake;
	begin(self);
	return &self->base;
}

static void destroy(struct encoder *encoder)
{
	struct encode_fake *self = (struct encode_fake *)encoder;

	strbuf_finish(&self->body);
	free(self);
}

static int resize(struct encoder *encoder, unsigned width, unsigned height)
{
	(void)width;
	(void)height;
	begin((struct encode_fake *)encoder);
	return 0;
}

static void restart(struct encoder *encoder)
{
	(void)encoder;
}

static void forget(struct encoder *encoder, const struct rect *rect)
{
	(void)encoder;
	(void)rect;
}

static int move(struct encoder *encoder, const struct scene_move *move)
{
	(void)encoder;
	(void)move;
	return 0;
}

static int add(
	struct encoder *encoder, const struct scene *scene, const struct rect *at, usec_t now)
{
	struct encode_fake *self = (struct encode_fake *)encoder;
	struct stream_rect rect = {
		.x = (unsigned)at->left,
		.y = (unsigned)at->top,
		.width = (unsigned)rect_width(at),
		.height = (unsigned)rect_height(at),
	};
	uint8_t bytes[STREAM_RECT_HEADER_SIZE + 3];
	size_t n = stream_put_rect_header(bytes, STREAM_SOLID, &rect);

	(void)now;
	n += stream_put_colour(bytes + n, *scene_at(scene, at->left, at->top));
	strbuf_append(&self->body, (const char *)bytes, n);
	return 0;
}

static int take(struct encoder *encoder, uint8_t **ret, size_t *ret_n)
{
	struct encode_fake *self = (struct encode_fake *)encoder;

	*ret = (uint8_t *)self->body.text + ENCODE_HEADROOM;
	*ret_n = self->body.length - ENCODE_HEADROOM;
	begin(self);
	return 0;
}

static bool rest(struct encoder *encoder, const struct scene *scene, usec_t now)
{
	(void)encoder;
	(void)scene;
	(void)now;
	return false;
}

static size_t size(const struct encoder *encoder)
{
	return ((const struct encode_fake *)encoder)->body.length - ENCODE_HEADROOM;
}

const struct encode_impl encode_fake = {
	.create = create,
	.resize = resize,
	.restart = restart,
	.move = move,
	.forget = forget,
	.add = add,
	.take = take,
	.rest = rest,
	.size = size,
	.work = size,
	.destroy = destroy,
};
