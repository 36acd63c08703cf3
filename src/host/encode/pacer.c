/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/pacer.h"

#include <errno.h>

#include "host/connection.h"
#include "wire/stream.h"

/*
 * A piece ends when it has this much. The first bounds memory; the second how
 * long one viewer's full screen keeps input and the other viewers waiting:
 * some 5 ms.
 */
#define PIECE_MAX ((size_t)128 << 10)
#define WORK_MAX ((size_t)256 << 10)

_Static_assert(ENCODE_HEADROOM >= CONNECTION_HEADROOM + STREAM_FRAME_HEADER_SIZE, "room");

int pacer_init(struct pacer *self, struct scene *scene, const struct encode_impl *impl)
{
	int r;

	*self = (struct pacer){ .scene = scene, .encoder = encoder_create(impl) };
	if (!self->encoder)
		return -ENOMEM;
	r = scene_add_view(scene, &self->view);
	if (r < 0)
		encoder_destroy(self->encoder);
	return r;
}

void pacer_finish(struct pacer *self)
{
	scene_remove_view(&self->view);
	encoder_destroy(self->encoder);
}

bool pacer_is_due(const struct pacer *self)
{
	return self->open || (!self->unacked && !region_is_empty(&self->view.dirty));
}

static bool piece_is_full(const struct pacer *self)
{
	return encoder_size(self->encoder) >= PIECE_MAX || encoder_work(self->encoder) >= WORK_MAX;
}

/* Leaves the frame open when it is not complete. */
static int add_tiles(struct pacer *self)
{
	struct region *dirty = &self->view.dirty;
	struct rect box;

	while (region_take(dirty, &self->tile, &box)) {
		size_t next = self->tile;
		int r = encoder_add(self->encoder, &box,
			scene_at(self->scene, box.left, box.top), self->scene->width);

		if (r < 0)
			return r;
		if (piece_is_full(self) && region_next(dirty, &next, &box))
			return 0;
	}
	self->open = false;
	return 0;
}

int pacer_produce(struct pacer *self, uint8_t **ret, size_t *ret_n)
{
	uint8_t *body;
	size_t n;
	int r;

	if (!self->open) {
		self->open = true;
		self->unacked = true;
		self->seq++;
		self->tile = 0;
	}
	r = add_tiles(self);
	if (r < 0)
		return r;
	r = encoder_take(self->encoder, &body, &n);
	if (r < 0)
		return r;
	body -= STREAM_FRAME_HEADER_SIZE;
	stream_put_frame_header(body, self->open ? STREAM_FRAME_MORE : 0, self->seq);
	*ret = body;
	*ret_n = STREAM_FRAME_HEADER_SIZE + n;
	return 0;
}

int pacer_ack(struct pacer *self, uint32_t seq)
{
	if (!self->unacked || self->open || seq != self->seq)
		return -EBADMSG;
	self->unacked = false;
	return 0;
}

int pacer_handle_resize(struct pacer *self)
{
	self->tile = 0;
	return self->view.lost ? -ENOMEM : 0;
}
