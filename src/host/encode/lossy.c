/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/lossy.h"

#include "base/mem.h"

static const struct video_viewer_events lossy_events;

void lossy_start(struct group *self)
{
	struct video *video = self->groups->video;

	self->has_video = video
		&& video_viewer_init(&self->video, video, self->decodes, &lossy_events, self) >= 0;
	photo_init(&self->photo, self->groups->event, video, self->decodes, &lossy_events, self);
}

void lossy_stop(struct group *self)
{
	video_picture_unref(TAKE_PTR(self->picture));
	self->tiles_done = false;
	if (self->has_video)
		video_viewer_finish(&self->video);
	self->has_video = false;
	photo_finish(&self->photo);
}

/* Of the slowest of those that are known; 0: none is. */
static size_t least_rate(const struct group *self)
{
	const struct member *member;
	size_t least = 0;

	list_for_each(member, &self->members, link) {
		size_t rate = member->events->get_rate(member);

		if (rate && (!least || rate < least))
			least = rate;
	}
	return least;
}

/* A film that begins where a photo was takes it over, and is made exact when it ends. */
static void exclude_film(struct group *self)
{
	if (!self->has_video)
		return;
	video_viewer_exclude(&self->video, &self->view.dirty);
	video_viewer_exclude(&self->video, &self->photo.waiting);
	video_viewer_exclude(&self->video, &self->photo.lossy);
}

void lossy_exclude(struct group *self)
{
	exclude_film(self);
	for (unsigned i = 0; i < self->view.n_moves; i++) {
		if (photo_is_coding(&self->photo, &self->view.moves[i].to))
			scene_view_flatten(&self->view, 0);
	}
	photo_choose(&self->photo, &self->view.dirty, least_rate(self), clock_now());
}

bool lossy_is_due(const struct group *self)
{
	return (self->has_video && video_viewer_is_due(&self->video))
		|| photo_is_due(&self->photo, clock_now());
}

/* A film and a photo take turns. */
struct video_picture *lossy_take(struct group *self)
{
	struct video_picture *film = NULL, *photo = NULL;

	if (!self->photo_went)
		photo = photo_take(&self->photo);
	if (!photo && self->has_video)
		film = video_viewer_take(&self->video);
	if (!photo && !film)
		photo = photo_take(&self->photo);
	self->photo_went = photo;
	return photo ? photo : film;
}

void lossy_build_up(struct group *self, usec_t now)
{
	bool alone = scene_view_is_empty(&self->view) && !self->picture;

	photo_build_up(&self->photo, &self->view.dirty, alone, self->frame_max, now);
}

void lossy_note_sent(struct group *self, const struct video_picture *picture, usec_t now)
{
	struct region *dirty = &self->view.dirty;

	photo_note_sent(&self->photo, picture, dirty, least_rate(self), now);
	if (!self->has_video || self->photo_went)
		return;
	/*
	 * Tiles of the same frame went before it, perhaps of the same place; and the film may
	 * have ended meanwhile, or be in another place. Where it has not, none of this is for
	 * tiles.
	 */
	region_add(&self->video.lossy, &picture->at);
	region_add(dirty, &picture->at);
	exclude_film(self);
}

static bool has(const struct group *self, const struct rect *rect)
{
	return (self->has_video && video_viewer_is_lossy(&self->video, rect))
		|| photo_has(&self->photo, rect);
}

bool lossy_is_exact(const struct group *self)
{
	return (!self->has_video || video_viewer_is_exact(&self->video))
		&& photo_is_exact(&self->photo);
}

void lossy_add_to(const struct group *self, struct scene_view *view)
{
	if (lossy_is_exact(self))
		return;
	scene_view_flatten(view, 0);
	photo_add_to(&self->photo, &view->dirty);
	if (self->has_video)
		video_viewer_add_lossy(&self->video, &view->dirty);
}

/* Where a picture is still to come from, or may: that is not there to be moved. */
static bool awaits(const struct group *self, const struct rect *rect)
{
	return (self->has_video && video_viewer_is_lossy(&self->video, rect))
		|| photo_awaits(&self->photo, rect);
}

bool lossy_move(struct group *self, const struct scene_move *move, bool last)
{
	struct rect from = rect_shifted(&move->to, -move->dx, -move->dy);

	/* What is dirty is so in the newest state, in which all moves have been made. */
	if (!last && awaits(self, &from))
		return false;
	photo_note_moved(&self->photo, move, &self->view.dirty, clock_now());
	if (self->has_video)
		video_viewer_note_moved(&self->video, move, &self->view.dirty);
	return true;
}

/* The whole tiles. */
static struct rect tiles_of(const struct group *self, const struct rect *rect)
{
	const struct scene *scene = group_scene(self);
	const struct rect screen = { 0, 0, (int)scene->width, (int)scene->height };
	struct rect tiles = {
		rect->left / REGION_TILE_PX * REGION_TILE_PX,
		rect->top / REGION_TILE_PX * REGION_TILE_PX,
		(rect->right + REGION_TILE_PX - 1) / REGION_TILE_PX * REGION_TILE_PX,
		(rect->bottom + REGION_TILE_PX - 1) / REGION_TILE_PX * REGION_TILE_PX,
	};

	return rect_intersect(&tiles, &screen);
}

void lossy_note_exact(struct group *self, const struct rect *rect)
{
	struct rect tiles = tiles_of(self, rect);

	if (self->has_video && !region_is_empty(&self->video.lossy))
		video_viewer_sent_exact(&self->video, rect);
	photo_note_exact(&self->photo, rect);
	/* It remembers whole tiles: one that is exact in part is nothing to go by. */
	if (has(self, &tiles))
		encoder_forget(self->encoder, rect);
}

static usec_t latest_echo(const struct group *self)
{
	const struct member *member;
	usec_t latest = 0;

	list_for_each(member, &self->members, link) {
		usec_t echo = member->events->get_echo(member);

		if (echo > latest)
			latest = echo;
	}
	return latest;
}

void lossy_offer(struct group *self, usec_t now)
{
	if (!self->has_video || self->lost)
		return;
	self->video.sparse_until = latest_echo(self);
	video_viewer_set_ready(
		&self->video, !self->open && group_all_ready(self), least_rate(self), now);
}

static void handle_picture(void *data)
{
	group_wake_all(data, NULL);
}

static void handle_exact(void *data, const struct rect *rect)
{
	struct group *self = data;

	scene_view_flatten(&self->view, 0); /* some may come from there */
	region_add(&self->view.dirty, rect);
	group_wake_all(self, NULL);
}

static const struct video_viewer_events lossy_events = {
	.due = handle_picture,
	.exact = handle_exact,
};
