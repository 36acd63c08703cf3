/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/mem.h"
#include "base/sys.h"
#include "host/encode/cache.h"
#include "host/encode/deflater.h"
#include "host/encode/encode.h"
#include "host/encode/tile.h"
#include "wire/stream.h"

struct encode_tiles {
	struct encoder base;
	struct deflater deflater;
	struct cache cache;
};

/* Of the host, not of each encoder: the same tiles, the same hashes. */
static uint64_t seed(void)
{
	static uint64_t value;

	/* Without random numbers it is the viewers' own pictures that may be mixed up. */
	if (!value && sys_random(&value, sizeof(value)) < 0)
		value = clock_now();
	return value;
}

static struct encoder *create(void)
{
	struct encode_tiles *self = mem_new(struct encode_tiles);

	if (!self)
		return NULL;
	self->base.impl = &encode_tiles;
	if (cache_init(&self->cache, seed()) < 0) {
		free(self);
		return NULL;
	}
	if (deflater_init(&self->deflater, ENCODE_HEADROOM) < 0) {
		cache_finish(&self->cache);
		free(self);
		return NULL;
	}
	return &self->base;
}

static void destroy(struct encoder *encoder)
{
	struct encode_tiles *self = (struct encode_tiles *)encoder;

	deflater_finish(&self->deflater);
	cache_finish(&self->cache);
	free(self);
}

static int resize(struct encoder *encoder, unsigned width, unsigned height)
{
	struct encode_tiles *self = (struct encode_tiles *)encoder;

	deflater_restart(&self->deflater);
	return cache_resize(&self->cache, width, height);
}

static void restart(struct encoder *encoder)
{
	struct encode_tiles *self = (struct encode_tiles *)encoder;

	deflater_restart(&self->deflater);
	cache_forget(&self->cache);
}

static int move(struct encoder *encoder, const struct scene_move *move)
{
	struct encode_tiles *self = (struct encode_tiles *)encoder;
	const struct stream_rect to = {
		.x = (unsigned)move->to.left,
		.y = (unsigned)move->to.top,
		.width = (unsigned)rect_width(&move->to),
		.height = (unsigned)rect_height(&move->to),
	};
	uint8_t bytes[STREAM_COPY_SIZE];

	stats_work_add(&encoder->done, STATS_COPY, rect_area(&move->to));
	cache_forget_rect(&self->cache, &move->to);
	return deflater_add(&self->deflater, bytes,
		stream_put_copy(bytes, &to, (unsigned)(move->to.left - move->dx),
			(unsigned)(move->to.top - move->dy)),
		false);
}

static void forget(struct encoder *encoder, const struct rect *rect)
{
	cache_forget_rect(&((struct encode_tiles *)encoder)->cache, rect);
}

static int add_slot(
	struct encode_tiles *self, enum stream_kind kind, const struct rect *at, int slot)
{
	uint8_t bytes[STREAM_SLOT_SIZE];

	stats_work_add(&self->base.done, (enum stats_kind)kind,
		kind == STREAM_CACHED ? STREAM_RECT_PX * STREAM_RECT_PX : 0);
	return deflater_add(&self->deflater, bytes,
		stream_put_slot(bytes, kind, (unsigned)at->left / STREAM_RECT_PX,
			(unsigned)at->top / STREAM_RECT_PX, (unsigned)slot),
		false);
}

static int add(
	struct encoder *encoder, const struct scene *scene, const struct rect *at, usec_t now)
{
	struct encode_tiles *self = (struct encode_tiles *)encoder;
	uint8_t bytes[STREAM_RECT_MAX];
	struct cache_plan plan;
	size_t n;
	int r = 0;

	cache_plan(&self->cache, scene, at, now, &plan);
	if (plan.store >= 0)
		r = add_slot(self, STREAM_STORE, at, plan.store);
	if (r < 0 || plan.is_same)
		return r;
	if (plan.cached >= 0)
		return add_slot(self, STREAM_CACHED, at, plan.cached);
	n = tile_write(bytes, at, scene_at(scene, at->left, at->top), scene->width);
	stats_work_add(&encoder->done, (enum stats_kind)bytes[0], rect_area(at));
	return deflater_add(&self->deflater, bytes, n, tile_is_noisy(bytes, n));
}

static int take(struct encoder *encoder, uint8_t **ret, size_t *ret_n)
{
	struct encode_tiles *self = (struct encode_tiles *)encoder;

	return deflater_take(&self->deflater, ret, ret_n);
}

static bool rest(struct encoder *encoder, const struct scene *scene, usec_t now)
{
	struct encode_tiles *self = (struct encode_tiles *)encoder;

	return cache_look(&self->cache, scene, now);
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
	.resize = resize,
	.restart = restart,
	.move = move,
	.forget = forget,
	.add = add,
	.take = take,
	.rest = rest,
	.size = size,
	.work = work,
	.destroy = destroy,
};
