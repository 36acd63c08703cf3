/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/capture/capture-x11.h"

#include <errno.h>
#include <xcb/damage.h>
#include <xcb/shm.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "host/capture/plan.h"
#include "host/capture/segment.h"
#include "host/capture/windows.h"
#include "host/stages.h"

#define RECTS_MAX 64 /* in one read */
/* A read of more is done in several: this bounds the memory of very large screens. */
#define SEGMENT_MAX ((size_t)32 << 20)
#define FAILURES_MAX 5 /* refused reads in a row, though no event told of another size */

struct capture_x11 {
	struct capture base;
	struct xcb_source *source; /* borrowed */
	struct stages *stages;	   /* borrowed */
	xcb_connection_t *c;	   /* the source's */
	xcb_window_t root;
	uint8_t damage_event;
	xcb_damage_damage_t damage;

	unsigned generation; /* 0: the geometry is not known yet */
	struct segment segment;
	struct region pending;

	struct windows windows;

	struct hint hints[WINDOWS_HINTS_MAX]; /* of the last batch */
	struct patch rects[RECTS_MAX]; /* being read, or of the last batch */
	size_t n_rects;		       /* 0: no read is under way */
	unsigned sequence;	       /* of its first request */
	size_t n_answered;
	bool refused;
	bool is_lent;  /* what was read; no read meanwhile */
	bool asking;   /* for the geometry; no read meanwhile */
	bool outdated; /* it has changed again since: the answer may be older than that */
	bool moved;    /* a window; more damage of that is to come */
	bool settling; /* until all of it is known; no read meanwhile */
	unsigned n_failures;
};

static void fail(struct capture_x11 *self, const char *why)
{
	self->base.events->failed(self->base.data, why);
}

static void handle_attached(void *data, const void *reply, const xcb_generic_error_t *error)
{
	(void)reply;
	if (error)
		fail(data, "the X server cannot attach shared memory (MIT-SHM 1.2)");
}

static size_t segment_size(unsigned width, unsigned height)
{
	size_t frame = (size_t)width * height * sizeof(uint32_t);

	return frame < SEGMENT_MAX ? frame : SEGMENT_MAX;
}

static int replace_segment(struct capture_x11 *self, unsigned width, unsigned height)
{
	xcb_void_cookie_t attach;
	int r;

	segment_finish(&self->segment, self->c);
	r = segment_init(&self->segment, self->c, segment_size(width, height), &attach);
	if (r < 0)
		return r;
	return xcb_source_await_check(self->source, attach, handle_attached, self);
}

static int replace_region(struct capture_x11 *self, unsigned width, unsigned height)
{
	struct region region;
	int r = region_init(&region, width, height);

	if (r < 0)
		return r;
	region_finish(&self->pending);
	self->pending = region;
	region_add_all(&self->pending);
	return 0;
}

/* The reads under way belong to the old size: their answers are dropped unseen. */
static void start_generation(struct capture_x11 *self, unsigned width, unsigned height)
{
	xcb_source_forget(self->source, self);
	self->n_rects = 0;
	self->is_lent = false;
	self->settling = false;
	self->n_failures = 0;
	if (replace_region(self, width, height) < 0
		|| replace_segment(self, width, height) < 0) {
		fail(self, "no memory for the picture");
		return;
	}
	self->generation++;
	self->base.events->geometry(self->base.data, self->generation, width, height);
}

static bool is_new_size(const struct capture_x11 *self, unsigned width, unsigned height)
{
	return self->generation == 0 || width != self->pending.width
	       || height != self->pending.height;
}

static void handle_geometry(void *data, const void *reply, const xcb_generic_error_t *error);

/* An answer to come is as good as one to a question asked now, unless it is outdated. */
static int ask_geometry(struct capture_x11 *self)
{
	if (self->asking)
		return 0;
	self->asking = true;
	self->outdated = false;
	return xcb_source_await(self->source, xcb_get_geometry(self->c, self->root).sequence,
		handle_geometry, self);
}

static void ask_or_fail(struct capture_x11 *self)
{
	if (ask_geometry(self) < 0)
		fail(self, "out of memory");
}

static void handle_geometry(void *data, const void *reply, const xcb_generic_error_t *error)
{
	struct capture_x11 *self = data;
	const xcb_get_geometry_reply_t *geometry = reply;

	self->asking = false;
	if (error)
		fail(self, "the X server does not tell its size");
	else if (self->outdated)
		ask_or_fail(self);
	else if (is_new_size(self, geometry->width, geometry->height))
		start_generation(self, geometry->width, geometry->height);
	else
		region_add_all(&self->pending); /* it was another one meanwhile */
}

static void deliver(struct capture_x11 *self)
{
	struct capture_batch batch = {
		.generation = self->generation,
		.hints = self->hints,
		.n_hints = windows_take_hints(&self->windows, self->sequence, self->hints),
		.rects = self->rects,
		.n_rects = self->n_rects,
	};

	self->n_rects = 0;
	self->n_failures = 0;
	self->is_lent = true;
	self->base.events->batch(self->base.data, &batch);
}

/* Most likely the screen has just shrunk, and the event that tells is on its way. */
static void retry(struct capture_x11 *self)
{
	for (size_t i = 0; i < self->n_rects; i++)
		region_add(&self->pending, &self->rects[i].at);
	self->n_rects = 0;
	if (++self->n_failures > FAILURES_MAX)
		fail(self, "the X server does not give its picture");
	else
		ask_or_fail(self);
}

static void handle_image(void *data, const void *reply, const xcb_generic_error_t *error)
{
	struct capture_x11 *self = data;

	(void)reply;
	self->refused |= error != NULL;
	if (++self->n_answered < self->n_rects)
		return;
	if (self->refused)
		retry(self);
	else
		deliver(self);
}

static int request_image(struct capture_x11 *self, struct patch *rect, size_t offset)
{
	const struct rect *at = &rect->at;
	xcb_shm_get_image_cookie_t cookie;

	rect->pixels = self->segment.pixels + offset;
	rect->stride = (size_t)rect_width(at);
	cookie = xcb_shm_get_image(self->c, self->root, (int16_t)at->left, (int16_t)at->top,
		(uint16_t)rect_width(at), (uint16_t)rect_height(at), UINT32_MAX,
		XCB_IMAGE_FORMAT_Z_PIXMAP, self->segment.id,
		(uint32_t)(offset * sizeof(uint32_t)));
	if (offset == 0)
		self->sequence = cookie.sequence;
	return xcb_source_await(self->source, cookie.sequence, handle_image, self);
}

static int start_read(struct capture_x11 *self)
{
	struct rect rects[RECTS_MAX];
	size_t offset = 0;
	int r = 0;

	self->n_rects = plan_take(
		&self->pending, rects, RECTS_MAX, self->segment.size / sizeof(uint32_t));
	self->n_answered = 0;
	self->refused = false;
	for (size_t i = 0; i < self->n_rects && r == 0; i++) {
		self->rects[i].at = rects[i];
		r = request_image(self, &self->rects[i], offset);
		offset += (size_t)rect_width(&rects[i]) * (size_t)rect_height(&rects[i]);
	}
	stages_asked(self->stages, clock_now());
	return r;
}

static void handle_settled(void *data, const void *reply, const xcb_generic_error_t *error)
{
	struct capture_x11 *self = data;

	(void)reply;
	(void)error;
	self->moved = false;
	self->settling = false;
}

/*
 * The server sends each event by itself, and of a window that moves first where it is now, then
 * what has appeared behind it: a read that starts between them makes two frames of one move,
 * and shows the window twice meanwhile. Any answer comes after all of them. Once only for each
 * read, or windows that never rest would hold it up.
 */
static int settle(struct capture_x11 *self)
{
	self->settling = true;
	return xcb_source_await(
		self->source, xcb_get_input_focus(self->c).sequence, handle_settled, self);
}

void capture_x11_handle_drained(struct capture *capture)
{
	struct capture_x11 *self = (struct capture_x11 *)capture;

	if (self->n_rects > 0 || self->is_lent || self->asking || self->settling
		|| region_is_empty(&self->pending))
		return;
	if ((self->moved ? settle(self) : start_read(self)) < 0)
		fail(self, "out of memory");
}

static void handle_damage(
	struct capture_x11 *self, const xcb_damage_notify_event_t *event, uint32_t sequence)
{
	struct rect rect = rect_sized(
		event->area.x, event->area.y, event->area.width, event->area.height);

	region_add(&self->pending, &rect);
	stages_damage(self->stages, sequence, clock_now());
}

/*
 * Anybody can send such an event: its size is not believed, but asked for. The
 * answer to an earlier question may be on its way, of a size that was already
 * another one when the server told this; even when this is our own size.
 */
static void handle_configure(
	struct capture_x11 *self, const xcb_configure_notify_event_t *event)
{
	if (event->window != self->root)
		return;
	if (!self->asking && !is_new_size(self, event->width, event->height))
		return;
	self->n_failures = 0;
	self->outdated = true; /* unless we ask only now */
	ask_or_fail(self);
}

void capture_x11_handle_event(struct capture *capture, const xcb_generic_event_t *event)
{
	struct capture_x11 *self = (struct capture_x11 *)capture;
	uint8_t type = event->response_type & 0x7f;

	self->moved |= windows_handle_event(&self->windows, event);
	/* May end it all. */
	if (type == self->damage_event)
		handle_damage(self, (const xcb_damage_notify_event_t *)event,
			event->full_sequence);
	else if (type == XCB_CONFIGURE_NOTIFY)
		handle_configure(self, (const xcb_configure_notify_event_t *)event);
}

static bool has_extension(xcb_connection_t *c, xcb_extension_t *extension)
{
	const xcb_query_extension_reply_t *reply = xcb_get_extension_data(c, extension);

	return reply && reply->present;
}

static bool pixels_are_bgrx(xcb_connection_t *c, const xcb_screen_t *screen)
{
	const xcb_setup_t *setup = xcb_get_setup(c);

	if (setup->image_byte_order != XCB_IMAGE_ORDER_LSB_FIRST)
		return false;
	if (screen->root_depth != 24 && screen->root_depth != 32)
		return false;
	for (xcb_format_iterator_t it = xcb_setup_pixmap_formats_iterator(setup); it.rem;
		xcb_format_next(&it)) {
		if (it.data->depth == screen->root_depth)
			return it.data->bits_per_pixel == 32;
	}
	return false;
}

static bool colours_are_bgrx(const xcb_screen_t *screen)
{
	for (xcb_depth_iterator_t depth = xcb_screen_allowed_depths_iterator(screen); depth.rem;
		xcb_depth_next(&depth)) {
		for (xcb_visualtype_iterator_t visual = xcb_depth_visuals_iterator(depth.data);
			visual.rem; xcb_visualtype_next(&visual)) {
			if (visual.data->visual_id == screen->root_visual)
				return visual.data->red_mask == 0xff0000
				       && visual.data->green_mask == 0x00ff00
				       && visual.data->blue_mask == 0x0000ff;
		}
	}
	return false;
}

static int check_server(xcb_connection_t *c, const xcb_screen_t *screen)
{
	if (!has_extension(c, &xcb_damage_id) || !has_extension(c, &xcb_shm_id)) {
		log_error("the X server lacks DAMAGE or MIT-SHM: no picture");
		return -EOPNOTSUPP;
	}
	if (!pixels_are_bgrx(c, screen) || !colours_are_bgrx(screen)) {
		log_error("the X server's screen has depth %u in an unknown layout: no picture; "
			  "depth 24 with 32 bits per pixel is needed",
			screen->root_depth);
		return -EOPNOTSUPP;
	}
	return 0;
}

/* Sizes first, then damage, then the question: no change can fall in between. */
static int start(struct capture_x11 *self)
{
	static const uint32_t mask =
		XCB_EVENT_MASK_STRUCTURE_NOTIFY | XCB_EVENT_MASK_SUBSTRUCTURE_NOTIFY;
	int r;

	xcb_discard_reply(self->c, xcb_damage_query_version(self->c, 1, 1).sequence);
	xcb_discard_reply(self->c, xcb_shm_query_version(self->c).sequence);
	xcb_change_window_attributes(self->c, self->root, XCB_CW_EVENT_MASK, &mask);
	self->damage = xcb_generate_id(self->c);
	xcb_damage_create(
		self->c, self->damage, self->root, XCB_DAMAGE_REPORT_LEVEL_RAW_RECTANGLES);
	r = windows_init(&self->windows, self->source, self->root);
	if (r < 0)
		return r;
	return ask_geometry(self);
}

static void destroy(struct capture *capture)
{
	struct capture_x11 *self = (struct capture_x11 *)capture;

	xcb_source_forget(self->source, self);
	windows_finish(&self->windows);
	xcb_damage_destroy(self->c, self->damage);
	segment_finish(&self->segment, self->c);
	region_finish(&self->pending);
	free(self);
}

static void release_batch(struct capture *capture)
{
	struct capture_x11 *self = (struct capture_x11 *)capture;

	self->is_lent = false;
	xcb_source_wake(self->source);
}

static const struct capture_impl impl = {
	.release = release_batch,
	.destroy = destroy,
};

int capture_x11_create(struct capture **ret, struct xcb_source *source,
	const xcb_screen_t *screen, struct stages *stages, const struct capture_events *events,
	void *data)
{
	xcb_connection_t *c = xcb_source_connection(source);
	struct capture_x11 *self;
	int r;

	r = check_server(c, screen);
	if (r < 0)
		return r;
	self = mem_new(struct capture_x11);
	if (!self)
		return -ENOMEM;
	*self = (struct capture_x11){
		.base = { .impl = &impl, .events = events, .data = data },
		.source = source,
		.stages = stages,
		.c = c,
		.root = screen->root,
		.damage_event = xcb_get_extension_data(c, &xcb_damage_id)->first_event,
	};
	r = start(self);
	if (r < 0) {
		destroy(&self->base);
		return r;
	}
	*ret = &self->base;
	return 0;
}
