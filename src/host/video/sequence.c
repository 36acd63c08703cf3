/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/mem.h"
#include "host/video/video-inside.h"

#define RATE_PERIOD_MAX_USEC (66 * USEC_PER_MSEC) /* or as the pace has it: or it would go slower */

/* Of a codec of stills, the least that a pixel needs; about, and for a start. */
#define STILL_PX_PER_BYTE 16
#define STILL_PER_SECOND 15

static struct video_place *place_of(
	struct video_viewer *viewer, const struct video_sequence *sequence)
{
	struct video_place *place = &viewer->places[sequence->nth];

	return place->sequence == sequence ? place : NULL;
}

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
		sequence_leave(viewer, nth); /* the last one ends the sequence */
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
	sequences_start(sequence->video, now);
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

void sequence_leave(struct video_viewer *viewer, unsigned nth)
{
	struct video_place *place = &viewer->places[nth];
	struct video_sequence *sequence = place->sequence;

	video_picture_unref(place->picture);
	*place = (struct video_place){ 0 };
	if (sequence && --sequence->n_viewers == 0)
		end_sequence(sequence);
}

/* From the next key picture on. */
void sequence_join(struct video_viewer *viewer, unsigned nth, bool late)
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
			sequence_leave(viewer, sequence->nth);
			sequence_join(viewer, sequence->nth, true);
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
void sequences_arm(struct video *self)
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

void sequences_start(struct video *self, usec_t now)
{
	while (!self->scene->is_settling && start_one(self, now))
		;
	sequences_arm(self);
}

void sequences_note_change(struct video *self, const struct rect *box)
{
	struct video_sequence *sequence;

	list_for_each(sequence, &self->sequences, link) {
		struct rect both = rect_intersect(&sequence->at, box);

		if (!rect_is_empty(&both))
			sequence->stale = true;
	}
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
