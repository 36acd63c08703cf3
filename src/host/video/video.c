/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/video/video.h"

#include <errno.h>

#include "base/mem.h"
#include "host/video/video-inside.h"

#define WAKE_SLACK_USEC 1 /* 0 would mean 250 ms to sd-event */

/*
 * By tests/bench/video-codecs: H.264 needs a third of the CPU that VP9 does, for no more bytes;
 * JPEG needs ten to a hundred times the bytes.
 */
const struct codec_impl *const video_codecs[] = { &codec_h264, &codec_vp9, &codec_jpeg, NULL };

void video_picture_unref(struct video_picture *self)
{
	if (self && --self->n_refs == 0)
		free(self);
}

struct video_picture *video_picture_create(
	enum codec_id codec, const struct rect *at, const struct codec_output *coded)
{
	struct video_picture *self = mem_alloc(1, sizeof(*self) + VIDEO_HEADROOM + coded->n);

	if (!self)
		return NULL;
	*self = (struct video_picture){
		.n_refs = 1,
		.codec = codec,
		.at = *at,
		.key = coded->key,
		.half = coded->half,
		.n = coded->n,
		.bytes = (uint8_t *)(self + 1) + VIDEO_HEADROOM,
	};
	memcpy(self->bytes, coded->bytes, coded->n);
	return self;
}

const struct codec_impl *video_choose(const struct codec_impl *const *codecs, unsigned decodes,
	unsigned width, unsigned height)
{
	for (; *codecs; codecs++) {
		if (decodes & VIDEO_DECODES((*codecs)->id) &&
			codec_takes(*codecs, width, height))
			return *codecs;
	}
	return NULL;
}

/* --- regions --- */

static void handle_began(void *data, unsigned nth, const struct rect *rect)
{
	struct video *self = data;
	struct video_viewer *viewer;

	(void)rect;
	list_for_each(viewer, &self->viewers, link)
		sequence_join(viewer, nth, false);
}

static void leave_all(struct video *self, unsigned nth)
{
	struct video_viewer *viewer;

	list_for_each(viewer, &self->viewers, link)
		sequence_leave(viewer, nth);
}

static void make_exact(struct video *self, const struct rect *rect)
{
	struct video_viewer *viewer;

	list_for_each(viewer, &self->viewers, link)
		viewer->events->exact(viewer->data, rect);
}

/*
 * What is in the new place goes as pictures at once; the rest of the former one has to be made
 * exact, and the part that is in both is, for viewers whose codec does not take the new size.
 */
static void handle_changed(
	void *data, unsigned nth, const struct rect *before, const struct rect *rect)
{
	leave_all(data, nth);
	make_exact(data, before);
	handle_began(data, nth, rect);
}

static void handle_ended(void *data, unsigned nth, const struct rect *rect)
{
	leave_all(data, nth);
	make_exact(data, rect);
}

static const struct busy_events busy_events = {
	.began = handle_began,
	.changed = handle_changed,
	.ended = handle_ended,
};

/* --- the scene --- */

static void note_dirty(struct video *self, const struct rect *box, usec_t now)
{
	const uint32_t *pixels = scene_at(self->scene, box->left, box->top);
	unsigned n = 0;

	if (busy_wants_colours(&self->busy, box))
		n = busy_count_colours(box, pixels, self->scene->width);
	busy_note(&self->busy, box, n, now);
	sequences_note_change(self, box);
}

static void note_move(struct video *self, const struct scene_move *move)
{
	struct rect from = rect_shifted(&move->to, -move->dx, -move->dy);

	busy_note_move(&self->busy, &move->to, &from);
	sequences_note_change(self, &move->to);
}

void video_look(struct video *self, usec_t now)
{
	struct scene_view *view = &self->view;
	struct rect box;
	size_t tile = 0;

	if (!self->busy.tiles)
		return;
	if (list_empty(&self->viewers)) {
		region_clear(&view->dirty);
		view->n_moves = 0;
	}
	while (region_take(&view->dirty, &tile, &box))
		note_dirty(self, &box, now);
	for (unsigned i = 0; i < view->n_moves; i++)
		note_move(self, &view->moves[i]);
	view->n_moves = 0;
	busy_update(&self->busy, now);
	sequences_start(self, now);
}

static int handle_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	video_look(userdata, clock_now());
	return 0;
}

/* --- life --- */

int video_create(struct video **ret, struct scene *scene, sd_event *event,
	const struct codec_impl *const *codecs)
{
	struct video *self = mem_new(struct video);
	int r;

	if (!self)
		return -ENOMEM;
	*self = (struct video){ .scene = scene, .codecs = codecs };
	list_init(&self->viewers);
	list_init(&self->sequences);
	list_init(&self->view.link);
	r = video_worker_create(&self->worker, event);
	if (r >= 0)
		r = sd_event_add_time(event, &self->timer, CLOCK_MONOTONIC, USEC_NEVER,
			WAKE_SLACK_USEC, handle_timer, self);
	if (r >= 0)
		r = sd_event_source_set_enabled(self->timer, SD_EVENT_OFF);
	if (r >= 0)
		r = scene_add_view(scene, &self->view);
	if (r >= 0)
		r = video_handle_resize(self);
	if (r < 0) {
		video_destroy(self);
		return r;
	}
	*ret = self;
	return 0;
}

void video_destroy(struct video *self)
{
	if (!self)
		return;
	scene_remove_view(&self->view);
	busy_finish(&self->busy);
	sd_event_source_disable_unref(self->timer);
	worker_destroy(self->worker);
	free(self);
}

int video_handle_resize(struct video *self)
{
	struct video_viewer *viewer;
	int r, result = 0;

	for (unsigned i = 0; i < BUSY_REGIONS_MAX; i++)
		leave_all(self, i);
	list_for_each(viewer, &self->viewers, link) {
		region_finish(&viewer->lossy);
		r = region_init(&viewer->lossy, self->scene->width, self->scene->height);
		if (r < 0)
			result = r;
	}
	busy_finish(&self->busy);
	r = self->view.lost ? -ENOMEM
			    : busy_init(&self->busy, self->scene->width, self->scene->height,
				      &busy_events, self);
	if (r < 0) {
		self->busy = (struct busy){ 0 };
		result = r;
	}
	region_clear(&self->view.dirty); /* a new view has all of it */
	sequences_arm(self);
	return result;
}
