/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "base/mem.h"
#include "base/str.h"
#include "host/encode/encode.h"
#include "wire/stream.h"

struct encode_fake {
	struct encoder base;
	struct strbuf body;
};

/* It needs no thread. */
static struct encoder *create(struct worker *worker, encode_done_fn done, void *data)
{
	struct encode_fake *self = mem_new(struct encode_fake);

	(void)worker;
	(void)done;
	(void)data;
	if (self)
		self->base.impl = &encode_fake;
	return self ? &self->base : NULL;
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
	((struct encode_fake *)encoder)->body.length = 0;
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

static int take(struct encoder *encoder, struct encode_body *ret)
{
	struct encode_fake *self = (struct encode_fake *)encoder;
	size_t n = self->body.length;

	ret->block = mem_resize(NULL, ENCODE_HEADROOM + n, 1);
	if (!ret->block)
		return -ENOMEM;
	if (n > 0)
		memcpy(ret->block + ENCODE_HEADROOM, self->body.text, n);
	ret->n = n;
	self->body.length = 0;
	return 0;
}

static bool is_busy(const struct encoder *encoder)
{
	(void)encoder;
	return false;
}

static bool has_room(const struct encoder *encoder)
{
	(void)encoder;
	return true;
}

static bool rest(struct encoder *encoder, const struct scene *scene, usec_t now)
{
	(void)encoder;
	(void)scene;
	(void)now;
	return false;
}

static size_t work(const struct encoder *encoder)
{
	return ((const struct encode_fake *)encoder)->body.length;
}

const struct encode_impl encode_fake = {
	.create = create,
	.resize = resize,
	.restart = restart,
	.move = move,
	.forget = forget,
	.add = add,
	.take = take,
	.is_busy = is_busy,
	.has_room = has_room,
	.rest = rest,
	.work = work,
	.expect = work,
	.destroy = destroy,
};
