/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/frame.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "host/encode/lossy.h"
#include "host/encode/step.h"

/*
 * A piece ends when it has this much. The first bounds memory; the second how
 * long one viewer's full screen keeps input and the other viewers waiting:
 * some 5 ms.
 */
#define PIECE_MAX ((size_t)128 << 10)
#define WORK_MAX ((size_t)256 << 10)

/* Of one frame, in screens: with all tiles, even twice, it stays below what pages allow. */
#define MOVED_MAX 2

static int make_encoder(struct group *self)
{
	const struct scene *scene = group_scene(self);

	if (self->encoder)
		return 0;
	self->encoder = encoder_create(self->groups->impl);
	return self->encoder ? encoder_resize(self->encoder, scene->width, scene->height)
			     : -ENOMEM;
}

static void begin(struct group *self, usec_t now)
{
	struct member *member;

	step_gather(self, now);
	if (self->grace)
		sd_event_source_set_enabled(self->grace, SD_EVENT_OFF);
	lossy_exclude(self);
	self->picture = self->has_video ? video_viewer_take(&self->video) : NULL;
	self->open = true;
	self->tiles_done = false;
	self->n_frame = 0;
	self->frame_max = 0;
	self->piece_max = 0;
	order_begin(&self->order, &self->view.dirty);
	self->moved_px = 0;
	list_for_each(member, &self->members, link) {
		member->open = true;
		group_set_limits(self, member, now);
		member->events->begin(member, now);
	}
}

static int add_moves(struct group *self, struct piece *draft)
{
	struct scene_view *view = &self->view;
	uint64_t max =
		(uint64_t)group_scene(self)->width * group_scene(self)->height * MOVED_MAX;
	unsigned i;

	for (i = 0; i < view->n_moves; i++) {
		const struct scene_move *move = &view->moves[i];
		struct rect from = rect_shifted(&move->to, -move->dx, -move->dy);
		uint64_t px = rect_area(&move->to);
		int r;

		if (self->moved_px + px > max || lossy_has(self, &from))
			break;
		self->moved_px += px;
		lossy_note_exact(self, &move->to);
		r = encoder_move(self->encoder, move);
		if (r == 0 && self->n_members > 1)
			r = piece_note_box(draft, &move->to);
		if (r < 0)
			return r;
	}
	group_flatten_moves(view, i);
	view->n_moves = 0;
	return 0;
}

/* The compressor keeps some back: as much comes out of it as came before, then. */
static size_t expected_size(const struct group *self)
{
	size_t n = encoder_work(self->encoder) * self->ratio / 256;
	size_t out = encoder_size(self->encoder);

	return n > out ? n : out;
}

static bool piece_is_full(const struct group *self)
{
	return expected_size(self) >= self->piece_max || encoder_size(self->encoder) >= PIECE_MAX
	       || encoder_work(self->encoder) >= WORK_MAX;
}

/* Leaves the frame open when it is not complete, and the rest dirty when it is large enough. */
static int add_tiles(struct group *self, struct piece *draft, usec_t now)
{
	struct region *dirty = &self->view.dirty;
	struct rect box;

	while (order_take(&self->order, dirty, &box)) {
		int r = encoder_add(self->encoder, group_scene(self), &box, now);

		if (r == 0 && self->n_members > 1)
			r = piece_note_box(draft, &box);
		if (r < 0)
			return r;
		lossy_note_exact(self, &box);
		if (self->n_frame + expected_size(self) >= self->frame_max)
			break;
		if (piece_is_full(self) && order_has_more(&self->order, dirty))
			return 0;
	}
	self->open = self->picture != NULL;
	self->tiles_done = true;
	return 0;
}

/* A piece of @draft's boxes and of these bytes, which every member has to take. */
static int add_piece(
	struct group *self, const struct piece *draft, const uint8_t *bytes, size_t n)
{
	struct piece *piece = mem_resize(NULL, sizeof(*piece) + ENCODE_HEADROOM + n, 1);
	struct member *member;

	if (!piece)
		return -ENOMEM;
	*piece = *draft;
	piece->refs = self->n_members;
	piece->number = self->n_pieces++;
	piece->more = self->open;
	piece->work = self->encoder->done;
	self->encoder->done = (struct stats_work){ 0 };
	piece->n = n;
	memcpy(piece->bytes + ENCODE_HEADROOM, bytes, n);
	list_append(&self->pieces, &piece->link);
	list_for_each(member, &self->members, link) {
		if (!member->next)
			member->next = piece;
	}
	return 0;
}

/* Once after each time of change, however long it was. */
static int handle_rest(sd_event_source *source, uint64_t usec, void *data)
{
	struct group *self = data;
	usec_t now = clock_now(), delay = 1;

	(void)source;
	(void)usec;
	if (self->open || !scene_view_is_empty(&self->view)
		|| (self->has_video && !video_viewer_is_exact(&self->video)))
		return 0; /* the next frame's end will start it */
	if (now - self->encoded < ENCODE_REST_USEC)
		delay = self->encoded + ENCODE_REST_USEC - now;
	else if (!encoder_rest(self->encoder, group_scene(self), now))
		return 0;
	group_start_timer(self, &self->rest, delay, handle_rest);
	return 0;
}

/* Without a timer it will be sent again, where it might have been remembered. */
static void handle_encoded(struct group *self, usec_t now)
{
	self->encoded = now;
	if (!scene_view_is_empty(&self->view))
		return;
	group_start_timer(self, &self->rest, ENCODE_REST_USEC, handle_rest);
}

static int add_picture(struct group *self)
{
	struct video_picture *picture = TAKE_PTR(self->picture);
	struct piece draft = {
		.codec = (enum stream_codec)picture->codec,
		.key = picture->key,
		.half = picture->half,
		.at = picture->at,
	};
	int r = 0;

	self->open = false;
	encoder_forget(self->encoder, &picture->at);
	stats_work_add(&self->encoder->done,
		(enum stats_kind)(STATS_JPEG + picture->codec - CODEC_JPEG),
		rect_area(&picture->at));
	if (self->n_members > 1)
		r = piece_note_box(&draft, &picture->at);
	self->n_frame += picture->n;
	if (r == 0)
		r = add_piece(self, &draft, picture->bytes, picture->n);
	if (r < 0)
		free(draft.boxes);
	video_picture_unref(picture);
	return r;
}

int frame_encode(struct group *self)
{
	struct piece draft = { 0 };
	usec_t start = clock_now();
	uint8_t *bytes;
	size_t n, work;
	int r;

	if (!self->open)
		begin(self, start);
	r = make_encoder(self);
	if (r >= 0 && self->picture && (self->tiles_done || scene_view_is_empty(&self->view)))
		return add_picture(self);
	if (r >= 0)
		r = add_moves(self, &draft);
	if (r >= 0)
		r = add_tiles(self, &draft, start);
	if (r >= 0) {
		work = encoder_work(self->encoder);
		r = encoder_take(self->encoder, &bytes, &n);
	}
	if (r >= 0) {
		self->n_frame += n;
		if (work)
			self->ratio = (self->ratio + n * 256 / work) / 2;
		handle_encoded(self, clock_now());
		r = add_piece(self, &draft, bytes, n);
	}
	if (r < 0)
		free(draft.boxes);
	return r;
}
