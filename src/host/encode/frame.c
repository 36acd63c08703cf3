/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/frame.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "host/encode/lossy.h"
#include "host/encode/step.h"

/*
 * A piece ends when so much will come out of the encoder, or has gone in, or so many tiles were
 * looked at. The first bounds memory, the second how long a thread then has it, and the last how
 * long one viewer's full screen keeps input and the other viewers waiting: some 2 ms each.
 */
#define PIECE_MAX ((size_t)128 << 10)
#define WORK_MAX ((size_t)128 << 10)
#define TILES_MAX 64

/*
 * What will come out is only guessed, and the guess is bad when the picture is of another kind
 * than before. On a slow link that must not cost more than some pieces.
 */
#define GUESS_MAX ((size_t)16 << 10)
#define GUESS_PIECES_MAX 4

/* Of one frame, in screens: with all tiles, even twice, it stays below what pages allow. */
#define MOVED_MAX 2

/* Its viewers can have it, or have left meanwhile. */
static void complete(struct group *self, struct piece *piece)
{
	piece->is_coding = false;
	self->n_frame += piece->body.n - piece->expected;
	if (!piece->codec)
		photo_note_encoded(&self->photo, piece->body.n, piece->spent + piece->body.cost);
	piece_unref(piece);
}

static void handle_body(void *data, struct encode_body *body, int error)
{
	struct group *self = data;

	if (body)
		complete(self, list_entry(body, struct piece, body));
	if (error < 0)
		group_lose(self, NULL);
	else
		group_wake_all(self, NULL);
}

static int make_encoder(struct group *self)
{
	const struct groups *groups = self->groups;
	const struct scene *scene = group_scene(self);

	if (self->encoder)
		return 0;
	self->encoder = encoder_create(groups->impl, groups->worker, handle_body, self);
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
	self->picture = lossy_take(self);
	self->open = true;
	self->tiles_done = false;
	self->n_frame = 0;
	self->frame_max = 0;
	self->piece_max = 0;
	self->moved_px = 0;
	list_for_each(member, &self->members, link) {
		member->open = true;
		group_set_limits(self, member, now);
		member->events->begin(member, now);
	}
	lossy_build_up(self, now);
	order_begin(&self->order, &self->view.dirty);
}

static int add_moves(struct group *self, struct piece *piece)
{
	struct scene_view *view = &self->view;
	uint64_t max =
		(uint64_t)group_scene(self)->width * group_scene(self)->height * MOVED_MAX;
	unsigned i;

	if (view->n_moves == 0)
		return 0;
	for (i = 0; i < view->n_moves; i++) {
		const struct scene_move *move = &view->moves[i];
		uint64_t px = rect_area(&move->to);
		int r;

		if (self->moved_px + px > max
			|| !lossy_move(self, move, i + 1 == view->n_moves))
			break;
		self->moved_px += px;
		r = encoder_move(self->encoder, move);
		if (r == 0 && self->n_members > 1)
			r = piece_note_box(piece, &move->to);
		if (r < 0)
			return r;
	}
	scene_view_flatten(view, i);
	view->n_moves = 0;
	lossy_exclude(self); /* of what has become dirty by that */
	return 0;
}

static bool piece_is_full(const struct group *self, unsigned n_tiles)
{
	size_t expected = encoder_expect(self->encoder), work = encoder_work(self->encoder);

	return expected >= self->piece_max || expected >= PIECE_MAX || work >= WORK_MAX
	       || work >= GUESS_MAX + GUESS_PIECES_MAX * self->piece_max || n_tiles >= TILES_MAX;
}

/* Leaves the frame open when it is not complete, and the rest dirty when it is large enough. */
static int add_tiles(struct group *self, struct piece *piece, usec_t now)
{
	struct region *dirty = &self->view.dirty;
	unsigned n_tiles = 0;
	struct rect box;

	while (order_take(&self->order, dirty, &box)) {
		int r = encoder_add(self->encoder, group_scene(self), &box, now);

		if (r == 0 && self->n_members > 1)
			r = piece_note_box(piece, &box);
		if (r < 0)
			return r;
		lossy_note_exact(self, &box);
		if (self->n_frame + encoder_expect(self->encoder) >= self->frame_max)
			break;
		if (piece_is_full(self, ++n_tiles) && order_has_more(&self->order, dirty))
			return 0;
	}
	self->open = self->picture != NULL;
	self->tiles_done = true;
	return 0;
}

/* Every member has to take it. */
static void add_piece(struct group *self, struct piece *piece)
{
	struct member *member;

	piece->refs += self->n_members;
	piece->number = self->n_pieces++;
	piece->more = self->open;
	piece->work = self->encoder->done;
	self->encoder->done = (struct stats_work){ 0 };
	list_append(&self->pieces, &piece->link);
	list_for_each(member, &self->members, link) {
		if (!member->next)
			member->next = piece;
	}
}

/* Once after each time of change, however long it was. */
static int handle_rest(sd_event_source *source, uint64_t usec, void *data)
{
	struct group *self = data;
	usec_t now = clock_now(), delay = 1;

	(void)source;
	(void)usec;
	if (self->open || !scene_view_is_empty(&self->view) || !lossy_is_exact(self))
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

static int add_picture(struct group *self, struct piece *piece)
{
	struct video_picture *picture = TAKE_PTR(self->picture);
	struct encode_body *body = &piece->body;
	int r = 0;

	self->open = false;
	piece->codec = (enum stream_codec)picture->codec;
	piece->key = picture->key;
	piece->half = picture->half;
	piece->at = picture->at;
	encoder_forget(self->encoder, &picture->at);
	stats_work_add(&self->encoder->done,
		(enum stats_kind)(STATS_JPEG + picture->codec - CODEC_JPEG),
		rect_area(&picture->at));
	if (self->n_members > 1)
		r = piece_note_box(piece, &picture->at);
	body->block = mem_resize(NULL, ENCODE_HEADROOM + picture->n, 1);
	if (!body->block)
		r = -ENOMEM;
	if (r == 0) {
		memcpy(body->block + ENCODE_HEADROOM, picture->bytes, picture->n);
		body->n = picture->n;
		add_piece(self, piece);
		complete(self, piece);
	}
	lossy_note_sent(self, picture, clock_now());
	video_picture_unref(picture);
	return r;
}

static int add_changes(struct group *self, struct piece *piece, usec_t now)
{
	int r = add_moves(self, piece);

	if (r >= 0)
		r = add_tiles(self, piece, now);
	if (r < 0)
		return r;
	piece->expected = encoder_expect(self->encoder);
	r = encoder_take(self->encoder, &piece->body);
	if (r < 0 && r != -EINPROGRESS)
		return r;
	piece->is_coding = r == -EINPROGRESS;
	piece->spent = clock_now() - now;
	self->n_frame += piece->expected;
	add_piece(self, piece);
	if (!piece->is_coding)
		complete(self, piece);
	handle_encoded(self, clock_now());
	return 0;
}

static int make_piece(struct group *self, usec_t now)
{
	struct piece *piece = piece_create();
	int r;

	if (!piece)
		return -ENOMEM;
	if (self->picture && (self->tiles_done || scene_view_is_empty(&self->view)))
		r = add_picture(self, piece);
	else
		r = add_changes(self, piece, now);
	if (r < 0)
		piece_unref(piece);
	return r;
}

int frame_encode(struct group *self)
{
	usec_t start = clock_now();
	int r;

	if (!self->open)
		begin(self, start);
	r = make_encoder(self);
	return r < 0 ? r : make_piece(self, start);
}

/* What a slow link takes later is to be of a newer state. */
bool frame_can_go_on(const struct group *self)
{
	if (!self->encoder || !encoder_is_busy(self->encoder))
		return true;
	return encoder_has_room(self->encoder) && self->piece_max >= PIECE_MAX;
}

void frame_drop_coding(struct group *self)
{
	struct piece *piece, *safe;

	list_for_each_safe(piece, safe, &self->pieces, link) {
		if (!piece->is_coding)
			continue;
		piece->is_coding = false;
		piece_unref(piece);
	}
}
