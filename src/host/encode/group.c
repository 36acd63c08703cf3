/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/group.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "host/encode/order.h"

/*
 * A piece ends when it has this much. The first bounds memory; the second how
 * long one viewer's full screen keeps input and the other viewers waiting:
 * some 5 ms.
 */
#define PIECE_MAX ((size_t)128 << 10)
#define WORK_MAX ((size_t)256 << 10)

/*
 * So much more than the other one a group may have to send to become one with it, in tiles: a
 * newcomer's whole picture is not for all.
 */
#define APART_MAX 8

/* Moves of one frame, in screens: with all tiles, even twice, it stays below what pages allow. */
#define MOVED_MAX 2

/* An encoded piece of a frame, kept until all members have taken it. */
struct piece {
	struct list link;
	unsigned refs;
	uint64_t number; /* in its group */
	bool more;
	enum stream_codec codec; /* 0: it is for a FRAME, and not a PICTURE */
	bool key;
	bool half;
	struct rect at;
	struct stats_work work;
	struct rect *boxes; /* what it brings up to date; only of a group of several */
	size_t n_boxes;
	size_t size;
	size_t n;
	uint8_t bytes[]; /* the headroom first */
};

struct group {
	struct list link;
	struct groups *groups; /* borrowed */
	struct list members;
	unsigned n_members;
	unsigned decodes;
	struct scene_view view;
	struct order order;
	struct encoder *encoder; /* NULL until there is something to encode */
	sd_event_source *grace;	 /* these two are NULL until they were needed */
	sd_event_source *rest;
	usec_t encoded; /* when, last */
	struct list pieces;
	uint64_t n_pieces; /* ever */
	bool lost;	   /* no memory: all its viewers must go */

	struct video_viewer video; /* if it @has_video */
	bool has_video;
	struct video_picture *picture; /* that ends this frame; NULL: none does */
	bool tiles_done;	       /* of this frame, so that the picture is next */

	bool open;	   /* a frame has begun, and not all of it is encoded: */
	size_t n_frame;	   /* bytes of it so far, */
	size_t frame_max;  /* with so many it ends */
	size_t piece_max;
	uint64_t moved_px; /* so far */
	size_t ratio;	   /* of what comes out of the encoder to what goes in, in 1/256 */
};

static const struct video_viewer_events video_events;

static const struct scene *scene_of(const struct group *self)
{
	return self->groups->scene;
}

/* --- pieces --- */

static void piece_unref(struct piece *self)
{
	if (!self || --self->refs > 0)
		return;
	list_remove(&self->link);
	free(self->boxes);
	free(self);
}

static struct piece *piece_after(const struct group *group, const struct piece *piece)
{
	if (piece->link.next == &group->pieces)
		return NULL;
	return list_entry(piece->link.next, struct piece, link);
}

/* While it is built it has no bytes yet: only its boxes are of use. */
static int note_box(struct piece *draft, const struct rect *box)
{
	struct rect *boxes;

	if (draft->n_boxes == draft->size) {
		boxes = mem_resize(draft->boxes, 2 * draft->size + 16, sizeof(*boxes));
		if (!boxes)
			return -ENOMEM;
		draft->boxes = boxes;
		draft->size = 2 * draft->size + 16;
	}
	draft->boxes[draft->n_boxes++] = *box;
	return 0;
}

static void drop_pieces(struct member *member)
{
	struct piece *piece = member->next;

	while (piece) {
		struct piece *next = piece_after(member->group, piece);

		piece_unref(piece);
		piece = next;
	}
	member->next = NULL;
}

/* --- groups --- */

void groups_init(struct groups *self, sd_event *event, struct scene *scene, struct video *video,
	const struct encode_impl *impl)
{
	*self = (struct groups){
		.event = event, .scene = scene, .video = video, .impl = impl
	};
	list_init(&self->list);
}

/* Without memory for it all goes as tiles. */
static void start_video(struct group *self)
{
	struct video *video = self->groups->video;

	self->has_video = video
			  && video_viewer_init(&self->video, video, self->decodes,
				     &video_events, self)
				     >= 0;
}

static void stop_video(struct group *self)
{
	video_picture_unref(TAKE_PTR(self->picture));
	self->tiles_done = false;
	if (self->has_video)
		video_viewer_finish(&self->video);
	self->has_video = false;
}

static struct group *group_create(struct groups *groups, unsigned decodes)
{
	struct group *self = mem_new(struct group);

	if (!self)
		return NULL;
	self->groups = groups;
	self->decodes = decodes;
	self->ratio = 128;
	list_init(&self->members);
	list_init(&self->pieces);
	if (scene_add_view(groups->scene, &self->view) < 0)
		goto fail;
	if (order_init(&self->order, &self->view.dirty) < 0)
		goto fail_view;
	list_append(&groups->list, &self->link);
	start_video(self);
	return self;
fail_view:
	scene_remove_view(&self->view);
fail:
	free(self);
	return NULL;
}

static void group_destroy(struct group *self)
{
	struct piece *piece, *safe;

	/* Some may still be held by those who have gone to another group. */
	list_for_each_safe(piece, safe, &self->pieces, link) {
		list_remove(&piece->link);
		list_init(&piece->link);
	}
	list_remove(&self->link);
	stop_video(self);
	order_finish(&self->order);
	scene_remove_view(&self->view);
	encoder_destroy(self->encoder);
	sd_event_source_disable_unref(self->grace);
	sd_event_source_disable_unref(self->rest);
	free(self);
}

static void enter(struct group *self, struct member *member, usec_t now)
{
	member->group = self;
	member->since = now;
	list_append(&self->members, &member->link);
	self->n_members++;
}

/* The group may then be empty: for the caller to destroy. */
static void leave(struct member *member)
{
	drop_pieces(member);
	list_remove(&member->link);
	member->group->n_members--;
	member->group = NULL;
}

static bool is_ready(const struct member *member)
{
	return !member->open && member->events->is_ready(member);
}

static bool all_ready(const struct group *self)
{
	const struct member *member;

	list_for_each(member, &self->members, link) {
		if (!is_ready(member))
			return false;
	}
	return true;
}

static bool one_is_ready(const struct group *self)
{
	const struct member *member;

	list_for_each(member, &self->members, link) {
		if (is_ready(member))
			return true;
	}
	return false;
}

static bool has_something(const struct group *self)
{
	return !scene_view_is_empty(&self->view)
	       || (self->has_video && video_viewer_is_due(&self->video));
}

bool member_is_due(const struct member *self)
{
	const struct group *group = self->group;

	if (!group || group->lost || self->must_end || self->next || group->open)
		return true;
	return has_something(group) && all_ready(group);
}

bool member_is_up_to_date(const struct member *self)
{
	const struct group *group = self->group;

	return group && !self->next && !group->open && scene_view_is_empty(&group->view);
}

static void wake_all(struct group *self, const struct member *but)
{
	struct member *member;

	list_for_each(member, &self->members, link) {
		if (member != but && member_is_due(member))
			member->events->wake(member);
	}
}

/* Nothing more can be encoded for them. */
static void lose(struct group *self, const struct member *but)
{
	self->lost = true;
	wake_all(self, but);
}

/* --- what goes as pictures --- */

/* That is not for tiles. */
static void exclude_video(struct group *self)
{
	if (self->has_video)
		video_viewer_exclude(&self->video, &self->view.dirty);
}

static bool is_lossy(const struct group *self, const struct rect *rect)
{
	return self->has_video && video_viewer_is_lossy(&self->video, rect);
}

/* Where more than the dirty boxes is wrong, a move would spread it: pixels stand in for it. */
static void flatten_moves(struct scene_view *view, unsigned first)
{
	for (unsigned i = first; i < view->n_moves; i++)
		region_add(&view->dirty, &view->moves[i].to);
	view->n_moves = first;
}

/* All that is not exact for @self becomes dirty in @view. */
static void add_lossy(const struct group *self, struct scene_view *view)
{
	if (!self->has_video || video_viewer_is_exact(&self->video))
		return;
	flatten_moves(view, 0);
	video_viewer_add_lossy(&self->video, &view->dirty);
}

static void note_exact(struct group *self, const struct rect *rect)
{
	if (self->has_video && !region_is_empty(&self->video.lossy))
		video_viewer_sent_exact(&self->video, rect);
}

/* Tells whether a picture could go now: then one is coded. */
static void offer_video(struct group *self, usec_t now)
{
	const struct member *member;
	size_t least = 0;

	if (!self->has_video || self->lost)
		return;
	list_for_each(member, &self->members, link) {
		size_t rate = member->events->get_rate(member);

		if (rate && (!least || rate < least))
			least = rate;
	}
	video_viewer_set_ready(&self->video, !self->open && all_ready(self), least, now);
}

static void handle_picture(void *data)
{
	wake_all(data, NULL);
}

static void handle_exact(void *data, const struct rect *rect)
{
	struct group *self = data;

	flatten_moves(&self->view, 0); /* some may come from there */
	region_add(&self->view.dirty, rect);
	wake_all(self, NULL);
}

static const struct video_viewer_events video_events = {
	.due = handle_picture,
	.exact = handle_exact,
};

/* --- falling out of step --- */

static void copy_dirty(struct region *to, const struct region *from)
{
	struct rect box;
	size_t tile = 0;

	while (region_next(from, &tile, &box))
		region_add(to, &box);
}

static void copy_view(struct group *to, const struct member *member)
{
	const struct group *from = member->group;

	region_clear(&to->view.dirty);
	copy_dirty(&to->view.dirty, &from->view.dirty);
	memcpy(to->view.moves, from->view.moves, sizeof(to->view.moves));
	to->view.n_moves = from->view.n_moves;
	add_lossy(from, &to->view);
	if (member->next)
		flatten_moves(&to->view, 0);
	for (const struct piece *piece = member->next; piece; piece = piece_after(from, piece)) {
		for (size_t i = 0; i < piece->n_boxes; i++)
			region_add(&to->view.dirty, &piece->boxes[i]);
	}
}

static void be_patient(struct member *member, usec_t now)
{
	usec_t patience = 2 * member->patience;

	if (!patience || now - member->since >= GROUP_PATIENCE_MAX_USEC)
		patience = GROUP_PATIENCE_USEC;
	member->patience =
		patience < GROUP_PATIENCE_MAX_USEC ? patience : GROUP_PATIENCE_MAX_USEC;
}

/* As they suit @member, too. */
static void set_limits(struct group *self, const struct member *member, usec_t now)
{
	size_t frame, piece;

	member->events->get_limits(member, now, &frame, &piece);
	if (!self->frame_max || frame < self->frame_max)
		self->frame_max = frame;
	if (!self->piece_max || piece < self->piece_max)
		self->piece_max = piece;
}

/* @member, one of several, goes on by itself from where it stands, in a frame or between two. */
static void leave_behind(struct member *member, usec_t now)
{
	struct group *old = member->group, *own = group_create(old->groups, old->decodes);

	if (own) {
		copy_view(own, member);
		own->open = member->open && !member->must_end;
		own->n_frame = old->n_frame;
		if (own->open) {
			order_begin(&own->order, &own->view.dirty);
			set_limits(own, member, now);
		}
		own->moved_px = old->moved_px;
	}
	leave(member);
	be_patient(member, now);
	if (own)
		enter(own, member, now);
	if (member_is_due(member))
		member->events->wake(member);
}

static int handle_grace(sd_event_source *source, uint64_t usec, void *data)
{
	struct group *self = data;
	struct member *member, *safe;
	usec_t now = clock_now();

	(void)source;
	(void)usec;
	if (!has_something(self) || self->open || !one_is_ready(self))
		return 0;
	list_for_each_safe(member, safe, &self->members, link) {
		if (!is_ready(member))
			leave_behind(member, now);
	}
	wake_all(self, NULL);
	return 0;
}

/* Unless it runs already. 0 or a negative errno. */
static int start_timer(struct group *self, sd_event_source **timer, usec_t delay,
	sd_event_time_handler_t handler)
{
	int enabled, r;

	if (!*timer)
		return sd_event_add_time_relative(self->groups->event, timer, CLOCK_MONOTONIC,
			delay, 1, handler, self);
	r = sd_event_source_get_enabled(*timer, &enabled);
	if (r < 0 || enabled != SD_EVENT_OFF)
		return r < 0 ? r : 0;
	r = sd_event_source_set_time_relative(*timer, delay);
	return r < 0 ? r : sd_event_source_set_enabled(*timer, SD_EVENT_ONESHOT);
}

/* Some are ready and some are not: the others get a moment. */
static void wait_for_others(struct group *self)
{
	if (has_something(self) && !self->open && one_is_ready(self)
		&& !all_ready(self)
		&& start_timer(self, &self->grace, GROUP_GRACE_USEC, handle_grace) < 0)
		lose(self, NULL);
}

/* --- coming into step --- */

static bool is_willing(const struct group *self, usec_t now)
{
	const struct member *member;

	list_for_each(member, &self->members, link) {
		if (self->n_members == 1 && now - member->since < member->patience)
			return false;
	}
	return !self->open && !self->lost && all_ready(self);
}

static bool same_moves(const struct scene_view *a, const struct scene_view *b)
{
	return a->n_moves == b->n_moves
	       && memcmp(a->moves, b->moves, a->n_moves * sizeof(*a->moves)) == 0;
}

static bool are_close(const struct group *a, const struct group *b)
{
	size_t n = a->view.dirty.n_dirty, m = b->view.dirty.n_dirty;

	return a->decodes == b->decodes && same_moves(&a->view, &b->view) && n <= m + APART_MAX
	       && m <= n + APART_MAX;
}

static void absorb(struct group *self, struct group *other, usec_t now)
{
	struct member *member, *safe;

	copy_dirty(&self->view.dirty, &other->view.dirty);
	add_lossy(self, &self->view);
	add_lossy(other, &self->view);
	list_for_each_safe(member, safe, &other->members, link) {
		leave(member);
		enter(self, member, now);
	}
	group_destroy(other);
}

static void gather(struct group *self, usec_t now)
{
	struct group *other, *safe;
	bool grown = false;

	if (!is_willing(self, now))
		return;
	list_for_each_safe(other, safe, &self->groups->list, link) {
		if (other == self || !are_close(self, other) || !is_willing(other, now))
			continue;
		absorb(self, other, now);
		grown = true;
	}
	if (!grown)
		return;
	if (self->encoder)
		encoder_restart(self->encoder);
	/* The newcomers have no part of a sequence that goes on. */
	stop_video(self);
	start_video(self);
}

/* --- frames --- */

static int make_encoder(struct group *self)
{
	const struct scene *scene = scene_of(self);

	if (self->encoder)
		return 0;
	self->encoder = encoder_create(self->groups->impl);
	return self->encoder ? encoder_resize(self->encoder, scene->width, scene->height)
			     : -ENOMEM;
}

static void begin(struct group *self, usec_t now)
{
	struct member *member;

	gather(self, now);
	if (self->grace)
		sd_event_source_set_enabled(self->grace, SD_EVENT_OFF);
	exclude_video(self);
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
		set_limits(self, member, now);
		member->events->begin(member, now);
	}
}

static int add_moves(struct group *self, struct piece *draft)
{
	struct scene_view *view = &self->view;
	uint64_t max = (uint64_t)scene_of(self)->width * scene_of(self)->height * MOVED_MAX;
	unsigned i;

	for (i = 0; i < view->n_moves; i++) {
		const struct scene_move *move = &view->moves[i];
		struct rect from = rect_shifted(&move->to, -move->dx, -move->dy);
		uint64_t px = rect_area(&move->to);
		int r;

		if (self->moved_px + px > max || is_lossy(self, &from))
			break;
		self->moved_px += px;
		note_exact(self, &move->to);
		r = encoder_move(self->encoder, move);
		if (r == 0 && self->n_members > 1)
			r = note_box(draft, &move->to);
		if (r < 0)
			return r;
	}
	flatten_moves(view, i);
	view->n_moves = 0;
	return 0;
}

/* The compressor keeps some back: as much comes out of it as came before, then. */
static size_t expected_size(const struct group *self)
{
	size_t n = encoder_work(self->encoder) * self->ratio / 256, out = encoder_size(self->encoder);

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
		int r = encoder_add(self->encoder, scene_of(self), &box, now);

		if (r == 0 && self->n_members > 1)
			r = note_box(draft, &box);
		if (r < 0)
			return r;
		note_exact(self, &box);
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
static int add_piece(struct group *self, const struct piece *draft, const uint8_t *bytes, size_t n)
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
	else if (!encoder_rest(self->encoder, scene_of(self), now))
		return 0;
	start_timer(self, &self->rest, delay, handle_rest);
	return 0;
}

/* Without a timer it will be sent again, where it might have been remembered. */
static void handle_encoded(struct group *self, usec_t now)
{
	self->encoded = now;
	if (!scene_view_is_empty(&self->view))
		return;
	start_timer(self, &self->rest, ENCODE_REST_USEC, handle_rest);
}

static int add_picture(struct group *self)
{
	struct video_picture *picture = TAKE_PTR(self->picture);
	struct piece draft = { .codec = (enum stream_codec)picture->codec, .key = picture->key,
		.half = picture->half, .at = picture->at };
	int r = 0;

	self->open = false;
	encoder_forget(self->encoder, &picture->at);
	stats_work_add(&self->encoder->done,
		(enum stats_kind)(STATS_JPEG + picture->codec - CODEC_JPEG),
		rect_area(&picture->at));
	if (self->n_members > 1)
		r = note_box(&draft, &picture->at);
	self->n_frame += picture->n;
	if (r == 0)
		r = add_piece(self, &draft, picture->bytes, picture->n);
	if (r < 0)
		free(draft.boxes);
	video_picture_unref(picture);
	return r;
}

static int encode(struct group *self)
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

/* Those who do not keep up with the pieces of one frame. */
static void leave_slow_behind(struct group *self)
{
	struct member *member, *safe;
	usec_t now = clock_now();

	list_for_each_safe(member, safe, &self->members, link) {
		if (member->next && self->n_pieces - member->next->number >= GROUP_PIECES_MAX)
			leave_behind(member, now);
	}
}

/* What ends a frame whose rest is void: an empty stored block, of any deflate stream. */
static void take_end(struct member_piece *ret)
{
	static uint8_t bytes[ENCODE_HEADROOM + 1];
	static const struct stats_work nothing;

	bytes[ENCODE_HEADROOM] = 0x00;
	*ret = (struct member_piece){ .bytes = bytes + ENCODE_HEADROOM, .n = 1, .work = &nothing };
}

static int encode_next(struct member *self)
{
	struct group *group = self->group;
	int r = encode(group);

	if (r < 0) {
		lose(group, self);
		return r;
	}
	offer_video(group, clock_now());
	leave_slow_behind(group);
	wake_all(group, self);
	return 0;
}

int member_take(struct member *self, struct member_piece *ret)
{
	struct piece *piece;
	int r;

	piece_unref(TAKE_PTR(self->held));
	if (!self->group || self->group->lost)
		return -ENOMEM;
	if (self->must_end) {
		self->must_end = false;
		self->open = false;
		take_end(ret);
		return 0;
	}
	if (!self->next) {
		r = encode_next(self);
		if (r < 0)
			return r;
	}
	piece = self->held = self->next;
	self->next = piece_after(self->group, piece);
	self->open = piece->more;
	*ret = (struct member_piece){
		.bytes = piece->bytes + ENCODE_HEADROOM,
		.n = piece->n,
		.more = piece->more,
		.codec = piece->codec,
		.key = piece->key,
		.half = piece->half,
		.at = piece->at,
		.work = &piece->work,
	};
	return 0;
}

/* --- what happens --- */

void member_handle_damage(struct member *self)
{
	struct group *group = self->group;

	if (group)
		exclude_video(group);
	if (member_is_due(self))
		self->events->wake(self);
	else
		wait_for_others(group);
}

void member_handle_ready(struct member *self)
{
	if (!self->group)
		return;
	offer_video(self->group, clock_now());
	wake_all(self->group, NULL);
	wait_for_others(self->group);
}

int member_handle_resize(struct member *self)
{
	struct group *group = self->group;
	const struct scene *scene;

	if (!group || group->lost || group->view.lost)
		return -ENOMEM;
	scene = scene_of(group);
	drop_pieces(self);
	video_picture_unref(TAKE_PTR(group->picture));
	group->tiles_done = false;
	self->must_end = self->open && !group->open;
	order_finish(&group->order);
	if (order_init(&group->order, &group->view.dirty) < 0)
		return -ENOMEM;
	if (group->open)
		order_begin(&group->order, &group->view.dirty);
	group->moved_px = 0;
	if (!group->encoder)
		return 0;
	return encoder_resize(group->encoder, scene->width, scene->height);
}

/* --- life --- */

int member_init(struct member *self, struct groups *groups, unsigned decodes,
	const struct member_events *events)
{
	struct group *group = group_create(groups, decodes);

	if (!group)
		return -ENOMEM;
	*self = (struct member){ .events = events };
	enter(group, self, clock_now());
	return 0;
}

void member_finish(struct member *self)
{
	struct group *group = self->group;

	piece_unref(TAKE_PTR(self->held));
	if (!group)
		return;
	leave(self);
	if (group->n_members > 0)
		wake_all(group, NULL);
	else
		group_destroy(group);
}

unsigned member_n_in_step(const struct member *self)
{
	return self->group ? self->group->n_members : 0;
}
