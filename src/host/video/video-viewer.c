/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "base/mem.h"
#include "host/video/video-inside.h"

int video_viewer_init(struct video_viewer *self, struct video *video, unsigned decodes,
	const struct video_viewer_events *events, void *data)
{
	*self = (struct video_viewer){
		.video = video,
		.decodes = decodes,
		.events = events,
		.data = data,
	};
	if (region_init(&self->lossy, video->scene->width, video->scene->height) < 0)
		return -ENOMEM;
	list_append(&video->viewers, &self->link);
	for (unsigned i = 0; i < BUSY_REGIONS_MAX; i++) {
		if (!rect_is_empty(&video->busy.regions[i].rect))
			sequence_join(self, i, false);
	}
	return 0;
}

void video_viewer_finish(struct video_viewer *self)
{
	for (unsigned i = 0; i < BUSY_REGIONS_MAX; i++)
		sequence_leave(self, i);
	list_remove(&self->link);
	region_finish(&self->lossy);
}

void video_viewer_exclude(const struct video_viewer *self, struct region *dirty)
{
	for (unsigned i = 0; i < BUSY_REGIONS_MAX; i++) {
		if (self->places[i].sequence)
			region_remove(dirty, &self->places[i].sequence->at);
	}
}

/* Where pictures go, what is dirty is excluded before the first of them is there. */
static bool goes_as_picture(const struct video_viewer *self, const struct rect *rect)
{
	for (unsigned i = 0; i < BUSY_REGIONS_MAX; i++) {
		struct rect both;

		if (!self->places[i].sequence)
			continue;
		both = rect_intersect(&self->places[i].sequence->at, rect);
		if (!rect_is_empty(&both))
			return true;
	}
	return false;
}

bool video_viewer_is_lossy(const struct video_viewer *self, const struct rect *rect)
{
	return region_touches(&self->lossy, rect) || goes_as_picture(self, rect);
}

bool video_viewer_is_exact(const struct video_viewer *self)
{
	for (unsigned i = 0; i < BUSY_REGIONS_MAX; i++) {
		if (self->places[i].sequence)
			return false;
	}
	return region_is_empty(&self->lossy);
}

void video_viewer_add_lossy(const struct video_viewer *self, struct region *dirty)
{
	region_add_region(dirty, &self->lossy);
	for (unsigned i = 0; i < BUSY_REGIONS_MAX; i++) {
		if (self->places[i].sequence)
			region_add(dirty, &self->places[i].sequence->at);
	}
}

void video_viewer_sent_exact(struct video_viewer *self, const struct rect *rect)
{
	region_remove(&self->lossy, rect);
}

void video_viewer_note_moved(
	struct video_viewer *self, const struct scene_move *move, struct region *dirty)
{
	struct rect from = rect_shifted(&move->to, -move->dx, -move->dy);

	region_add_shifted(dirty, &self->lossy, &from, move->dx, move->dy);
	region_remove(&self->lossy, &move->to);
	for (unsigned i = 0; i < BUSY_REGIONS_MAX; i++) {
		struct rect both;

		if (!self->places[i].sequence)
			continue;
		both = rect_intersect(&self->places[i].sequence->at, &from);
		both = rect_shifted(&both, move->dx, move->dy);
		region_add(dirty, &both);
	}
}

void video_viewer_set_ready(
	struct video_viewer *self, bool ready, size_t bytes_per_second, usec_t now)
{
	bool again = ready && !self->ready;

	self->bytes_per_second = bytes_per_second;
	self->ready = ready;
	for (unsigned i = 0; i < BUSY_REGIONS_MAX; i++) {
		struct video_place *place = &self->places[i];

		if (place->sequence && again && !place->in_step)
			place->sequence->key = true;
	}
	if (again)
		sequences_start(self->video, now);
}

bool video_viewer_is_due(const struct video_viewer *self)
{
	for (unsigned i = 0; i < BUSY_REGIONS_MAX; i++) {
		if (self->places[i].picture)
			return true;
	}
	return false;
}

struct video_picture *video_viewer_take(struct video_viewer *self)
{
	for (unsigned i = 0; i < BUSY_REGIONS_MAX; i++) {
		struct video_place *place = &self->places[i];

		if (!place->picture)
			continue;
		region_add(&self->lossy, &place->picture->at);
		return TAKE_PTR(place->picture);
	}
	return NULL;
}
