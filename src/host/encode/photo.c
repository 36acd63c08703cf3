/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/photo.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"

#define TILE REGION_TILE_PX
#define TILE_BYTES_MAX ((size_t)TILE * TILE * 3)
#define BOX_MIN_PX 1024 /* less is the echo of something: it does not wait for a codec */
#define SAMPLE_ROWS 8

/* A tile of less, in 1/256 of a bit for a pixel, is soon sent as it is. */
#define BITS_MIN (6U * 256)
#define TWO_E 1392 /* in 1/256 */

/* Of a message whose time says something, and in how many bytes it fades to the half. */
#define ENCODED_MIN ((size_t)4 << 10)
#define ENCODED_MAX ((uint64_t)1 << 20)

#define DENSITY_AT_FIRST 77
#define DENSITY_MIN 8
#define PART_MAX_PX ((size_t)512 << 10) /* some 15 ms of the worker's time */

/* Of what a frame has room for, where build-up is not alone. */
#define SHARE 4
#define SIZE_LEAST 64 /* of a tile that is to become exact, whatever it has become */

/* --- what is a photo --- */

/* log2(1 + n), both in 1/256, by straight lines between the powers of two. */
static unsigned logarithm(unsigned n)
{
	unsigned x = n + 256, power = 31U - (unsigned)__builtin_clz(x) - 8;

	return power * 256 + (x >> power) - 256;
}

static unsigned distance(uint32_t difference)
{
	return (unsigned)abs((int8_t)difference);
}

/*
 * Bits for a pixel as tile.c's differences have it, in 1/256. They are nearly distributed as
 * Laplace has it, whose entropy is log2(2e times their mean size).
 */
static unsigned bits_of(const struct rect *box, const uint32_t *pixels, size_t stride)
{
	int width = rect_width(box), height = rect_height(box);
	int step = height > SAMPLE_ROWS ? height / SAMPLE_ROWS : 1;
	unsigned sums[3] = { 0 }, n = 0, bits = 0;

	for (int y = 0; y < height; y += step) {
		const uint32_t *row = pixels + (size_t)y * stride;

		for (int x = 1; x < width; x++, n++) {
			uint32_t green = (row[x] >> 8) - (row[x - 1] >> 8);

			sums[0] += distance(green);
			sums[1] += distance((row[x] >> 16) - (row[x - 1] >> 16) - green);
			sums[2] += distance(row[x] - row[x - 1] - green);
		}
	}
	for (unsigned i = 0; i < ARRAY_SIZE(sums); i++)
		bits += logarithm(n ? sums[i] * TWO_E / n : 0);
	return bits;
}

size_t photo_size(const struct rect *box, const uint32_t *pixels, size_t stride)
{
	unsigned bits;

	if (rect_area(box) < BOX_MIN_PX ||
		busy_count_colours(box, pixels, stride) < BUSY_COLOURS_ENTER)
		return 0;
	bits = bits_of(box, pixels, stride);
	return bits < BITS_MIN ? 0 : rect_area(box) * bits / 256 / 8;
}

static size_t size_of(const struct photo *self, const struct rect *box)
{
	return photo_size(box, scene_at(self->scene, box->left, box->top), self->scene->width);
}

/* --- life --- */

static void release(struct photo *self)
{
	video_coder_destroy(TAKE_PTR(self->coder));
	self->timer = sd_event_source_disable_unref(self->timer);
	video_picture_unref(TAKE_PTR(self->picture));
	free(TAKE_PTR(self->changed));
	region_finish(&self->waiting);
	region_finish(&self->held);
	region_finish(&self->lossy);
	region_finish(&self->moved);
	self->at = (struct rect){ 0 };
	self->taken = false;
}

/* Nothing more goes as pictures. */
static void give_up(struct photo *self)
{
	struct region *regions[] = { &self->waiting, &self->held, &self->lossy };
	struct rect box;

	self->codec = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(regions); i++) {
		size_t tile = 0;

		while (region_take(regions[i], &tile, &box))
			self->events->exact(self->data, &box);
	}
	if (!rect_is_empty(&self->at))
		self->events->exact(self->data, &self->at);
	release(self);
}

static void handle_coded(void *data, const struct video_result *result);
static int handle_timer(sd_event_source *source, uint64_t usec, void *data);

static int prepare(struct photo *self)
{
	unsigned width = self->scene->width, height = self->scene->height;
	int r;

	if (self->coder)
		return 0;
	r = region_init(&self->waiting, width, height);
	if (r >= 0)
		r = region_init(&self->held, width, height);
	if (r >= 0)
		r = region_init(&self->lossy, width, height);
	if (r >= 0)
		r = region_init(&self->moved, width, height);
	if (r >= 0) {
		self->changed = mem_alloc(
			(size_t)self->lossy.rows * self->lossy.columns, sizeof(*self->changed));
		r = self->changed ? 0 : -ENOMEM;
	}
	if (r >= 0)
		r = sd_event_add_time(self->event, &self->timer, CLOCK_MONOTONIC, USEC_NEVER, 1,
			handle_timer, self);
	if (r >= 0)
		r = sd_event_source_set_enabled(self->timer, SD_EVENT_OFF);
	if (r >= 0)
		r = video_coder_create(
			&self->coder, self->video->worker, self->codec, handle_coded, self);
	if (r < 0)
		give_up(self);
	return r;
}

void photo_init(struct photo *self, sd_event *event, struct video *video, unsigned decodes,
	const struct video_viewer_events *events, void *data)
{
	*self = (struct photo){ .event = event,
		.video = video,
		.events = events,
		.data = data,
		.density = DENSITY_AT_FIRST };
	if (!video || !(decodes & VIDEO_DECODES(CODEC_JPEG)))
		return;
	self->scene = video->scene;
	for (const struct codec_impl *const *codec = video->codecs; *codec; codec++) {
		if ((*codec)->id == CODEC_JPEG)
			self->codec = *codec;
	}
}

void photo_finish(struct photo *self)
{
	release(self);
}

void photo_handle_resize(struct photo *self)
{
	release(self);
}

/* --- pictures --- */

/* A block of tiles that wait, of some @area pixels: to the right first, then downwards. */
static struct rect find_part(const struct photo *self, size_t area)
{
	const struct region *waiting = &self->waiting;
	struct rect part, box, row;
	size_t tile = 0, first, n = 1;

	region_next(waiting, &tile, &part);
	first = tile - 1;
	for (; tile % waiting->columns && region_at(waiting, tile, &box); tile++, n++) {
		row = rect_unite(&part, &box);
		if (rect_area(&row) > area)
			return part;
		part = row;
	}
	for (first += waiting->columns; first / waiting->columns < waiting->rows;
		first += waiting->columns) {
		row = part;
		for (size_t i = 0; i < n; i++) {
			if (!region_at(waiting, first + i, &box))
				return part;
			row = rect_unite(&row, &box);
		}
		if (rect_area(&row) > area)
			return part;
		part = row;
	}
	return part;
}

static void start(struct photo *self, size_t rate)
{
	size_t area = rate * PHOTO_PART_USEC / USEC_PER_SEC * 256 / self->density;
	struct codec_input in;

	if (!rect_is_empty(&self->at) || region_is_empty(&self->waiting))
		return;
	self->at = find_part(self, area < PART_MAX_PX ? area : PART_MAX_PX);
	region_remove(&self->waiting, &self->at);
	in = (struct codec_input){
		.pixels = scene_at(self->scene, self->at.left, self->at.top),
		.stride = self->scene->width,
		.width = (unsigned)rect_width(&self->at),
		.height = (unsigned)rect_height(&self->at),
		.key = true,
		.quality = PHOTO_QUALITY,
	};
	if (video_coder_start(self->coder, &in) < 0)
		give_up(self);
}

static void handle_coded(void *data, const struct video_result *result)
{
	struct photo *self = data;
	size_t density;

	if (result->error >= 0)
		self->picture =
			video_picture_create(self->codec->id, &self->at, &result->picture);
	if (!self->picture) {
		give_up(self);
		return;
	}
	density = result->picture.n * 256 / rect_area(&self->at);
	self->density = (self->density * 3 + density) / 4;
	if (self->density < DENSITY_MIN)
		self->density = DENSITY_MIN;
	self->events->due(self->data);
}

struct video_picture *photo_take(struct photo *self)
{
	if (!self->picture || self->taken)
		return NULL;
	self->taken = true;
	self->picture->n_refs++;
	return self->picture;
}

/* Until the next of those that have not rested yet has. */
static void arm(struct photo *self, usec_t now)
{
	usec_t next = USEC_NEVER;
	struct rect box;
	size_t tile = 0;

	while (region_next(&self->lossy, &tile, &box)) {
		usec_t rested = self->changed[tile - 1] + PHOTO_REST_USEC;

		if (rested > now && rested < next)
			next = rested;
	}
	if (next == USEC_NEVER)
		return;
	sd_event_source_set_time(self->timer, next);
	sd_event_source_set_enabled(self->timer, SD_EVENT_ONESHOT);
}

/* --- what goes as pictures --- */

void photo_note_encoded(struct photo *self, size_t n, usec_t usec)
{
	if (n < ENCODED_MIN)
		return;
	if (self->encoded_bytes > ENCODED_MAX) {
		self->encoded_bytes /= 2;
		self->encoded_usec /= 2;
	}
	self->encoded_bytes += n;
	self->encoded_usec += usec;
}

/* It is the link that takes the time. */
static bool is_slow(const struct photo *self, size_t rate)
{
	return rate && rate <= PHOTO_RATE_MAX &&
		2 * rate * self->encoded_usec <= self->encoded_bytes * USEC_PER_SEC;
}

static bool is_late(const struct photo *self, const struct region *dirty, size_t rate)
{
	size_t limit = rate * PHOTO_LATE_USEC / USEC_PER_SEC, sum = 0, tile = 0;
	struct rect box;

	if (!is_slow(self, rate) || dirty->n_dirty * TILE_BYTES_MAX <= limit)
		return false;
	while (sum <= limit && region_next(dirty, &tile, &box))
		sum += size_of(self, &box);
	return sum > limit;
}

/*
 * What the picture under way would paint over is held until that has gone. Of what waits, a
 * tile that is dirty again all over is looked at again: it may be text by now.
 */
static void sort(struct photo *self, struct region *dirty, bool late, usec_t now)
{
	struct rect box, had;
	size_t tile = 0;

	while (region_next(dirty, &tile, &box)) {
		size_t at = tile - 1, same = at;
		struct region *to = NULL;

		self->changed[at] = now;
		if (region_at(&self->waiting, at, &had) && rect_contains(&box, &had))
			region_take(&self->waiting, &same, &had);
		if (photo_is_coding(self, &box))
			to = &self->held;
		else if (late && size_of(self, &box))
			to = &self->waiting;
		if (!to)
			continue;
		region_take(dirty, &at, &box);
		region_add(to, &box);
	}
}

void photo_choose(struct photo *self, struct region *dirty, size_t rate, usec_t now)
{
	bool late;

	if (!self->codec)
		return;
	late = is_late(self, dirty, rate);
	if (late && prepare(self) < 0)
		return;
	if (!self->coder)
		return;
	sort(self, dirty, late, now);
	arm(self, now);
	start(self, rate);
}

/* --- becoming exact --- */

/* Has a lossy tile rested? */
static bool has_rested(const struct photo *self, size_t tile, usec_t patience, usec_t now)
{
	return self->changed[tile] + patience <= now;
}

/* Pictures go first, and what else there is, but not for ever. */
static usec_t patience_of(const struct photo *self, bool alone)
{
	bool idle = region_is_empty(&self->waiting) && rect_is_empty(&self->at);

	return alone && idle ? PHOTO_REST_USEC : PHOTO_STARVED_USEC;
}

bool photo_is_due(const struct photo *self, usec_t now)
{
	usec_t patience = patience_of(self, true);
	struct rect box;
	size_t tile = 0;

	if (self->picture && !self->taken)
		return true;
	while (region_next(&self->lossy, &tile, &box)) {
		if (has_rested(self, tile - 1, patience, now))
			return true;
	}
	return false;
}

static int handle_timer(sd_event_source *source, uint64_t usec, void *data)
{
	struct photo *self = data;
	usec_t now = clock_now();

	(void)source;
	(void)usec;
	arm(self, now);
	if (photo_is_due(self, now))
		self->events->due(self->data);
	return 0;
}

void photo_note_sent(struct photo *self, const struct video_picture *picture,
	struct region *dirty, size_t rate, usec_t now)
{
	struct rect box;
	size_t tile = 0;

	if (!picture || picture != self->picture)
		return;
	region_add(&self->lossy, &self->at);
	self->at = (struct rect){ 0 };
	self->taken = false;
	video_picture_unref(TAKE_PTR(self->picture));
	while (region_take(&self->held, &tile, &box))
		region_add(dirty, &box);
	start(self, rate);
	arm(self, now);
}

void photo_build_up(
	struct photo *self, struct region *dirty, bool alone, size_t n_bytes, usec_t now)
{
	usec_t patience = patience_of(self, alone);
	size_t sum = 0, tile = 0;
	struct rect box;

	if (!alone)
		n_bytes /= SHARE;
	while (sum < n_bytes && region_next(&self->lossy, &tile, &box)) {
		if (!has_rested(self, tile - 1, patience, now))
			continue;
		sum += size_of(self, &box) + SIZE_LEAST;
		region_add(dirty, &box);
	}
}

bool photo_awaits(const struct photo *self, const struct rect *rect)
{
	return photo_is_coding(self, rect) || region_touches(&self->waiting, rect) ||
		region_touches(&self->held, rect);
}

bool photo_has(const struct photo *self, const struct rect *rect)
{
	return photo_awaits(self, rect) || region_touches(&self->lossy, rect);
}

void photo_add_to(const struct photo *self, struct region *dirty)
{
	region_add_region(dirty, &self->waiting);
	region_add_region(dirty, &self->held);
	region_add_region(dirty, &self->lossy);
	region_add(dirty, &self->at);
}

bool photo_is_exact(const struct photo *self)
{
	return region_is_empty(&self->waiting) && region_is_empty(&self->held) &&
		region_is_empty(&self->lossy) && rect_is_empty(&self->at);
}

void photo_note_exact(struct photo *self, const struct rect *rect)
{
	if (!region_is_empty(&self->lossy))
		region_remove(&self->lossy, rect);
}

static void note_lossy_moved(
	struct photo *self, const struct scene_move *move, const struct rect *from, usec_t now)
{
	struct rect box;
	size_t tile = 0;

	region_add_shifted(&self->moved, &self->lossy, from, move->dx, move->dy);
	region_remove(&self->lossy, &move->to);
	while (region_take(&self->moved, &tile, &box)) {
		region_add(&self->lossy, &box);
		self->changed[tile - 1] = now;
	}
	arm(self, now);
}

void photo_note_moved(struct photo *self, const struct scene_move *move, struct region *dirty,
	usec_t now)
{
	struct rect from = rect_shifted(&move->to, -move->dx, -move->dy);
	struct rect coding = rect_intersect(&self->at, &from);

	if (photo_is_exact(self))
		return;
	coding = rect_shifted(&coding, move->dx, move->dy);
	region_add(dirty, &coding);
	region_add_shifted(dirty, &self->waiting, &from, move->dx, move->dy);
	region_add_shifted(dirty, &self->held, &from, move->dx, move->dy);
	if (!region_is_empty(&self->lossy))
		note_lossy_moved(self, move, &from, now);
}
