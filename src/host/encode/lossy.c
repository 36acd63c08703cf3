/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/lossy.h"

#include "base/mem.h"

static const struct video_viewer_events lossy_events;

void lossy_start(struct group *self)
{
	struct video *video = self->groups->video;

	self->has_video = video
		&& video_viewer_init(&self->video, video, self->decodes, &lossy_events, self) >= 0;
}

void lossy_stop(struct group *self)
{
	video_picture_unref(TAKE_PTR(self->picture));
	self->tiles_done = false;
	if (self->has_video)
		video_viewer_finish(&self->video);
	self->has_video = false;
}

void lossy_exclude(struct group *self)
{
	if (self->has_video)
		video_viewer_exclude(&self->video, &self->view.dirty);
}

bool lossy_has(const struct group *self, const struct rect *rect)
{
	return self->has_video && video_viewer_is_lossy(&self->video, rect);
}

void lossy_add_to(const struct group *self, struct scene_view *view)
{
	if (!self->has_video || video_viewer_is_exact(&self->video))
		return;
	group_flatten_moves(view, 0);
	video_viewer_add_lossy(&self->video, &view->dirty);
}

void lossy_note_exact(struct group *self, const struct rect *rect)
{
	if (self->has_video && !region_is_empty(&self->video.lossy))
		video_viewer_sent_exact(&self->video, rect);
}

void lossy_offer(struct group *self, usec_t now)
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
	video_viewer_set_ready(&self->video, !self->open && group_all_ready(self), least, now);
}

static void handle_picture(void *data)
{
	group_wake_all(data, NULL);
}

static void handle_exact(void *data, const struct rect *rect)
{
	struct group *self = data;

	group_flatten_moves(&self->view, 0); /* some may come from there */
	region_add(&self->view.dirty, rect);
	group_wake_all(self, NULL);
}

static const struct video_viewer_events lossy_events = {
	.due = handle_picture,
	.exact = handle_exact,
};
