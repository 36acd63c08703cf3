/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "base/mem.h"
#include "base/sys.h"
#include "host/encode/batch.h"
#include "host/encode/cache.h"
#include "host/encode/compressor.h"
#include "host/encode/encode.h"
#include "host/encode/tile.h"
#include "wire/stream.h"

struct encode_tiles {
	struct encoder base;
	struct cache cache;
	struct batch batch; /* of the body that is built */
	struct compressor *compressor;
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

static struct encoder *create(struct worker *worker, encode_done_fn done, void *data)
{
	struct encode_tiles *self = mem_new(struct encode_tiles);

	if (!self)
		return NULL;
	self->base.impl = &encode_tiles;
	if (cache_init(&self->cache, seed()) < 0) {
		free(self);
		return NULL;
	}
	self->compressor = compressor_create(worker, done, data);
	if (!self->compressor) {
		cache_finish(&self->cache);
		free(self);
		return NULL;
	}
	return &self->base;
}

static void destroy(struct encoder *encoder)
{
	struct encode_tiles *self = (struct encode_tiles *)encoder;

	compressor_destroy(self->compressor);
	batch_finish(&self->batch);
	cache_finish(&self->cache);
	free(self);
}

static int resize(struct encoder *encoder, unsigned width, unsigned height)
{
	struct encode_tiles *self = (struct encode_tiles *)encoder;

	compressor_restart(self->compressor);
	batch_clear(&self->batch);
	return cache_resize(&self->cache, width, height);
}

static void restart(struct encoder *encoder)
{
	struct encode_tiles *self = (struct encode_tiles *)encoder;

	compressor_restart(self->compressor);
	batch_clear(&self->batch);
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
	uint8_t *bytes = batch_room(&self->batch, STREAM_COPY_SIZE);

	if (!bytes)
		return -ENOMEM;
	stats_work_add(&encoder->done, STATS_COPY, rect_area(&move->to));
	cache_forget_rect(&self->cache, &move->to);
	return batch_add(&self->batch,
		stream_put_copy(bytes, &to, (unsigned)(move->to.left - move->dx),
			(unsigned)(move->to.top - move->dy)),
		BATCH_PLAIN);
}

static void forget(struct encoder *encoder, const struct rect *rect)
{
	cache_forget_rect(&((struct encode_tiles *)encoder)->cache, rect);
}

static int add_slot(
	struct encode_tiles *self, enum stream_kind kind, const struct rect *at, int slot)
{
	uint8_t *bytes = batch_room(&self->batch, STREAM_SLOT_SIZE);

	if (!bytes)
		return -ENOMEM;
	stats_work_add(&self->base.done, (enum stats_kind)kind,
		kind == STREAM_CACHED ? STREAM_RECT_PX * STREAM_RECT_PX : 0);
	return batch_add(&self->batch,
		stream_put_slot(bytes, kind, (unsigned)at->left / STREAM_RECT_PX,
			(unsigned)at->top / STREAM_RECT_PX, (unsigned)slot),
		BATCH_PLAIN);
}

static int add(
	struct encoder *encoder, const struct scene *scene, const struct rect *at, usec_t now)
{
	struct encode_tiles *self = (struct encode_tiles *)encoder;
	struct cache_plan plan;
	uint8_t *bytes;
	size_t n;
	int r = 0;

	cache_plan(&self->cache, scene, at, now, &plan);
	if (plan.store >= 0)
		r = add_slot(self, STREAM_STORE, at, plan.store);
	if (r < 0 || plan.is_same)
		return r;
	if (plan.cached >= 0)
		return add_slot(self, STREAM_CACHED, at, plan.cached);
	bytes = batch_room(&self->batch, STREAM_RECT_MAX);
	if (!bytes)
		return -ENOMEM;
	n = tile_write(bytes, at, scene_at(scene, at->left, at->top), scene->width);
	stats_work_add(&encoder->done, (enum stats_kind)bytes[0], rect_area(at));
	return batch_add(
		&self->batch, n, tile_is_noisy(bytes, n) ? BATCH_NOISY : BATCH_PLAIN);
}

static int take(struct encoder *encoder, struct encode_body *ret)
{
	struct encode_tiles *self = (struct encode_tiles *)encoder;

	return compressor_take(self->compressor, &self->batch, ret);
}

static bool is_busy(const struct encoder *encoder)
{
	return compressor_is_busy(((const struct encode_tiles *)encoder)->compressor);
}

static bool has_room(const struct encoder *encoder)
{
	return compressor_has_room(((const struct encode_tiles *)encoder)->compressor);
}

static bool rest(struct encoder *encoder, const struct scene *scene, usec_t now)
{
	struct encode_tiles *self = (struct encode_tiles *)encoder;

	return cache_look(&self->cache, scene, now);
}

static size_t work(const struct encoder *encoder)
{
	return ((const struct encode_tiles *)encoder)->batch.n;
}

static size_t expect(const struct encoder *encoder)
{
	const struct encode_tiles *self = (const struct encode_tiles *)encoder;

	return compressor_expect(self->compressor, &self->batch);
}

const struct encode_impl encode_tiles = {
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
	.expect = expect,
	.destroy = destroy,
};
