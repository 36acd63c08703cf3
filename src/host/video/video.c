/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/video/video.h"

#include <errno.h>

#include "base/mem.h"
#include "host/video/pace.h"

#define WAKE_SLACK_USEC 1 /* 0 would mean 250 ms to sd-event */
#define RATE_PERIOD_MAX_USEC (66 * USEC_PER_MSEC) /* or as the pace has it: or it would go slower */

/* Of a codec of stills, the least that a pixel needs; about, and for a start. */
#define STILL_PX_PER_BYTE 16
#define STILL_PER_SECOND 15

/* One region as one codec has it, for the viewers in step. */
struct video_sequence {
	struct list link;
	struct video *video;
	unsigned nth; /* region */
	struct rect at;
	const struct codec_impl *impl;
	bool late;
	struct video_coder *coder;
	struct pace pace;
	unsigned n_viewers;
	bool stale; /* the scene has changed since the newest picture, */
	bool key;   /* or somebody waits for a key picture */
	usec_t started;
};

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

/* --- sequences --- */

static void start_all(struct video *self, usec_t now);

static struct video_place *place_of(
	struct video_viewer *viewer, const struct video_sequence *sequence)
{
	struct video_place *place = &viewer->places[sequence->nth];

	return place->sequence == sequence ? place : NULL;
}

static void leave(struct video_viewer *viewer, unsigned nth);

/* Its viewers get lossless tiles instead. */
static void give_up(struct video_sequence *sequence)
{
	struct rect at = sequence->at;
	unsigned nth = sequence->nth, n = sequence->n_viewers;
	struct video *video = sequence->video;
	struct video_viewer *viewer;

	list_for_each(viewer, &video->viewers, link) {
		if (n == 0)
			break;
		if (!place_of(viewer, sequence))
			continue;
		n--;
		leave(viewer, nth); /* the last one ends the sequence */
		viewer->events->exact(viewer->data, &at);
	}
}

static void hand_over(struct video_sequence *sequence, struct video_picture *picture)
{
	struct video_viewer *viewer;

	list_for_each(viewer, &sequence->video->viewers, link) {
		struct video_place *place = place_of(viewer, sequence);

		if (!place || place->picture || !(place->in_step || picture->key))
			continue;
		place->in_step = true;
		place->picture = picture;
		picture->n_refs++;
		viewer->events->due(viewer->data);
	}
}

/* Bytes per second that each of its viewers takes; 0: not known. */
static size_t least_rate(const struct video_sequence *sequence)
{
	struct video_viewer *viewer;
	size_t least = 0;

	list_for_each(viewer, &sequence->video->viewers, link) {
		size_t rate = viewer->bytes_per_second;

		if (place_of(viewer, sequence) && rate > 0 && (least == 0 || rate < least))
			least = rate;
	}
	return least;
}

static usec_t link_usec(const struct video_sequence *sequence, size_t n)
{
	size_t rate = least_rate(sequence);

	return rate ? n * USEC_PER_SEC / rate : 0;
}

static void set_budgets(struct video *self)
{
	struct video_sequence *sequence;
	unsigned n = 0;

	list_for_each(sequence, &self->sequences, link)
		n++;
	list_for_each(sequence, &self->sequences, link)
		pace_set_budget(&sequence->pace, VIDEO_BUDGET / n);
}

static void handle_coded(void *data, const struct video_result *result)
{
	struct video_sequence *sequence = data;
	usec_t now = clock_now();
	struct video_picture *picture;

	picture = result->error < 0 ? NULL
				    : video_picture_create(sequence->impl->id, &sequence->at,
					      &result->picture);
	if (!picture) {
		give_up(sequence);
		return;
	}
	pace_note(&sequence->pace, result->cost, link_usec(sequence, result->picture.n_least),
		result->picture.half, now);
	hand_over(sequence, picture);
	video_picture_unref(picture);
	start_all(sequence->video, now);
}

static struct video_sequence *find_sequence(
	struct video *self, unsigned nth, const struct codec_impl *impl, bool late)
{
	struct video_sequence *sequence;

	list_for_each(sequence, &self->sequences, link) {
		if (sequence->nth == nth && sequence->impl == impl && sequence->late == late)
			return sequence;
	}
	return NULL;
}

/* NULL: out of memory. */
static struct video_sequence *begin_sequence(
	struct video *self, unsigned nth, const struct codec_impl *impl, bool late)
{
	struct video_sequence *sequence = mem_new(struct video_sequence);

	if (!sequence)
		return NULL;
	*sequence = (struct video_sequence){
		.video = self,
		.nth = nth,
		.at = self->busy.regions[nth].rect,
		.impl = impl,
		.late = late,
	};
	if (video_coder_create(&sequence->coder, self->worker, impl, handle_coded, sequence) <
		0) {
		free(sequence);
		return NULL;
	}
	pace_init(&sequence->pace, VIDEO_BUDGET,
		codec_takes(impl, codec_half((unsigned)rect_width(&sequence->at)),
			codec_half((unsigned)rect_height(&sequence->at))));
	list_append(&self->sequences, &sequence->link);
	set_budgets(self);
	return sequence;
}

static void end_sequence(struct video_sequence *sequence)
{
	struct video *video = sequence->video;

	video_coder_destroy(sequence->coder);
	list_remove(&sequence->link);
	free(sequence);
	set_budgets(video);
}

static void leave(struct video_viewer *viewer, unsigned nth)
{
	struct video_place *place = &viewer->places[nth];
	struct video_sequence *sequence = place->sequence;

	video_picture_unref(place->picture);
	*place = (struct video_place){ 0 };
	if (sequence && --sequence->n_viewers == 0)
		end_sequence(sequence);
}

/* From the next key picture on. */
static void join(struct video_viewer *viewer, unsigned nth, bool late)
{
	const struct rect *at = &viewer->video->busy.regions[nth].rect;
	const struct codec_impl *impl = video_choose(viewer->video->codecs, viewer->decodes,
		(unsigned)rect_width(at), (unsigned)rect_height(at));
	struct video_sequence *sequence;

	if (!impl)
		return;
	sequence = find_sequence(viewer->video, nth, impl, late);
	if (!sequence)
		sequence = begin_sequence(viewer->video, nth, impl, late);
	if (!sequence)
		return;
	sequence->n_viewers++;
	sequence->key = true;
	viewer->places[nth] = (struct video_place){ .sequence = sequence };
	if (!sequence->started && impl->is_still
		&& link_usec(sequence, rect_area(at) / STILL_PX_PER_BYTE)
			> USEC_PER_SEC / STILL_PER_SECOND)
		pace_begin_half(&sequence->pace);
}

/* --- pace --- */

static bool can_take(const struct video_viewer *viewer, const struct video_place *place)
{
	return viewer->ready && !place->picture;
}

static void count_ready(
	struct video_sequence *sequence, unsigned *ret_ready, unsigned *ret_others)
{
	struct video_viewer *viewer;

	*ret_ready = *ret_others = 0;
	list_for_each(viewer, &sequence->video->viewers, link) {
		struct video_place *place = place_of(viewer, sequence);

		if (!place)
			continue;
		if (can_take(viewer, place))
			++*ret_ready;
		else if (place->in_step)
			++*ret_others;
	}
}

/* Those who cannot take the next picture are out of step from then on. */
static void shed(struct video_sequence *sequence)
{
	struct video_viewer *viewer;

	list_for_each(viewer, &sequence->video->viewers, link) {
		struct video_place *place = place_of(viewer, sequence);

		if (!place || can_take(viewer, place) || !place->in_step)
			continue;
		if (sequence->late) {
			place->in_step = false;
		} else {
			/* The picture that waits goes with it. The others keep the sequence
			 * alive. */
			leave(viewer, sequence->nth);
			join(viewer, sequence->nth, true);
			if (!viewer->places[sequence->nth].sequence)
				viewer->events->exact(viewer->data, &sequence->at);
		}
	}
}

/* Bytes for a picture, so that nobody gets more in a second than it takes. */
static size_t target_of(const struct video_sequence *sequence, usec_t now)
{
	usec_t paced = USEC_PER_SEC / pace_per_second(&sequence->pace);
	usec_t most = paced > RATE_PERIOD_MAX_USEC ? paced : RATE_PERIOD_MAX_USEC;
	usec_t period = now - sequence->started;

	if (period > most)
		period = most;
	return (size_t)((double)least_rate(sequence) * (double)period / (double)USEC_PER_SEC);
}

static void start(struct video_sequence *sequence, usec_t now)
{
	const struct rect *at = &sequence->at;
	struct codec_input in = {
		.pixels = scene_at(sequence->video->scene, at->left, at->top),
		.stride = sequence->video->scene->width,
		.width = (unsigned)rect_width(at),
		.height = (unsigned)rect_height(at),
		.key = sequence->key,
		.target_bytes = target_of(sequence, now),
		.half = pace_is_half(&sequence->pace),
	};

	if (video_coder_start(sequence->coder, &in) < 0) {
		give_up(sequence);
		return;
	}
	sequence->started = now;
	sequence->stale = false;
	sequence->key = false;
}

static usec_t interval_of(const struct video_sequence *sequence)
{
	usec_t interval = pace_interval(&sequence->pace);
	struct video_viewer *viewer;

	list_for_each(viewer, &sequence->video->viewers, link) {
		if (interval < VIDEO_SPARSE_USEC && sequence->started < viewer->sparse_until
			&& place_of(viewer, sequence))
			interval = VIDEO_SPARSE_USEC;
	}
	return interval;
}

/* When it may start at the latest by what is known; USEC_NEVER: not before somebody is ready.
 */
static usec_t next_start(struct video_sequence *sequence, bool *ret_shed)
{
	usec_t due = sequence->started + interval_of(sequence);
	usec_t late =
		sequence->started + (sequence->late ? VIDEO_LATEST_USEC : VIDEO_LATE_USEC);
	unsigned n_ready, n_others;

	*ret_shed = false;
	if (video_coder_is_busy(sequence->coder) || !(sequence->stale || sequence->key))
		return USEC_NEVER;
	count_ready(sequence, &n_ready, &n_others);
	if (n_ready == 0)
		return USEC_NEVER;
	if (sequence->started == 0)
		return 0;
	*ret_shed = n_others > 0;
	return n_others == 0 ? due : late > due ? late : due;
}

/* While the scene settles all waits for video_look(), which then comes. */
static void arm(struct video *self)
{
	usec_t next = busy_next(&self->busy);
	struct video_sequence *sequence;
	bool others;

	list_for_each(sequence, &self->sequences, link) {
		usec_t start = next_start(sequence, &others);

		if (start < next)
			next = start;
	}
	if (next == USEC_NEVER || self->scene->is_settling) {
		sd_event_source_set_enabled(self->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time(self->timer, next);
	sd_event_source_set_enabled(self->timer, SD_EVENT_ONESHOT);
}

/* Returns whether there was one to start. */
static bool start_one(struct video *self, usec_t now)
{
	struct video_sequence *sequence;
	bool others;

	list_for_each(sequence, &self->sequences, link) {
		if (next_start(sequence, &others) > now)
			continue;
		if (others)
			shed(sequence);
		start(sequence, now);
		return true;
	}
	return false;
}

static void start_all(struct video *self, usec_t now)
{
	while (!self->scene->is_settling && start_one(self, now))
		;
	arm(self);
}

/* --- regions --- */

static void handle_began(void *data, unsigned nth, const struct rect *rect)
{
	struct video *self = data;
	struct video_viewer *viewer;

	(void)rect;
	list_for_each(viewer, &self->viewers, link)
		join(viewer, nth, false);
}

static void leave_all(struct video *self, unsigned nth)
{
	struct video_viewer *viewer;

	list_for_each(viewer, &self->viewers, link)
		leave(viewer, nth);
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
	struct video_sequence *sequence;
	unsigned n = 0;

	if (busy_wants_colours(&self->busy, box))
		n = busy_count_colours(box, pixels, self->scene->width);
	busy_note(&self->busy, box, n, now);
	list_for_each(sequence, &self->sequences, link) {
		struct rect both = rect_intersect(&sequence->at, box);

		if (!rect_is_empty(&both))
			sequence->stale = true;
	}
}

static void note_move(struct video *self, const struct scene_move *move)
{
	struct rect from = rect_shifted(&move->to, -move->dx, -move->dy);
	struct video_sequence *sequence;

	busy_note_move(&self->busy, &move->to, &from);
	list_for_each(sequence, &self->sequences, link) {
		struct rect both = rect_intersect(&sequence->at, &move->to);

		if (!rect_is_empty(&both))
			sequence->stale = true;
	}
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
	start_all(self, now);
}

bool video_is_coding(const struct video *self)
{
	struct video_sequence *sequence;

	list_for_each(sequence, &self->sequences, link) {
		if (video_coder_is_busy(sequence->coder))
			return true;
	}
	return false;
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
	arm(self);
	return result;
}

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
			join(self, i, false);
	}
	return 0;
}

void video_viewer_finish(struct video_viewer *self)
{
	for (unsigned i = 0; i < BUSY_REGIONS_MAX; i++)
		leave(self, i);
	list_remove(&self->link);
	region_finish(&self->lossy);
}

/* --- what a pacer asks --- */

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
		start_all(self->video, now);
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
