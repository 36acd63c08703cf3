/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/desktop.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <xcb/damage.h>
#include <xcb/shm.h>
#include <xcb/xfixes.h>
#include <xcb/xtest.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "host/analysis.h"
#include "host/capture/capture-x11.h"
#include "host/client.h"
#include "host/cursor/cursor-x11.h"
#include "host/cursor/cursor.h"
#include "host/host.h"
#include "host/input/input-x11.h"
#include "host/input/input.h"
#include "host/scene/scene.h"
#include "host/stages.h"
#include "host/stats.h"
#include "host/video/video.h"
#include "host/x-watch.h"
#include "loop/xcb-connect.h"
#include "loop/xcb-source.h"

struct desktop {
	struct host *host; /* borrowed */
	struct scene scene;
	struct analysis analysis;
	struct video *video;
	struct cursor cursor;
	struct input input;
	struct stages stages;

	char display[32]; /* that was attached to last */
	struct xcb_connecting *connecting; /* until the server has answered, or has not in time */

	/* While a display is there. */
	struct xcb_source *source;
	struct x_watch watch;
	const xcb_screen_t *screen;
	struct capture *capture; /* NULL until the server has told what it can */
	struct cursor_x11 cursor_x11;
	struct input_x11 input_x11;
};

static void resize(struct desktop *self, unsigned width, unsigned height)
{
	if (scene_resize(&self->scene, width, height) < 0)
		log_error("no memory for a picture of %ux%u", width, height);
	analysis_handle_resize(&self->analysis);
	if (video_handle_resize(self->video) < 0)
		log_warning("no memory for video: all of the picture goes as it is");
	input_set_size(&self->input, width, height);
	client_each(self->host, client_handle_screen);
}

/* --- the picture --- */

static void handle_geometry(void *data, unsigned generation, unsigned width, unsigned height)
{
	log_info("the screen has %ux%u pixels", width, height);
	(void)generation;
	resize(data, width, height);
}

static void handle_batch(void *data, const struct capture_batch *batch)
{
	struct desktop *self = data;
	const struct moves_batch captured = {
		.patches = batch->rects,
		.n_patches = batch->n_rects,
		.hints = batch->hints,
		.n_hints = batch->n_hints,
	};

	stages_came(&self->stages, clock_now());
	analysis_start(&self->analysis, &captured);
}

static void handle_analysed(void *data, bool changed)
{
	struct desktop *self = data;

	capture_release(self->capture);
	stages_analysed(&self->stages, changed, clock_now());
	stats_read(&self->host->stats, changed);
	if (!changed)
		return;
	video_look(self->video, clock_now());
	client_each(self->host, client_handle_damage);
}

static void handle_failure(void *data, const char *why)
{
	log_error("no picture: %s", why);
	desktop_detach(data);
}

static const struct capture_events capture_events = {
	.geometry = handle_geometry,
	.batch = handle_batch,
	.failed = handle_failure,
};

static void handle_shape(void *data)
{
	struct desktop *self = data;

	client_each(self->host, client_handle_cursor);
}

static const struct cursor_x11_events cursor_events = {
	.changed = handle_shape,
};

/* --- the display --- */

static void handle_event(void *data, const xcb_generic_event_t *event)
{
	struct desktop *self = data;

	if (event->response_type == 0) {
		const xcb_generic_error_t *error = (const xcb_generic_error_t *)event;

		log_debug("X error %u of request %u.%u", error->error_code, error->major_code,
			error->minor_code);
		return;
	}
	if (!list_empty(&self->host->clients))
		desktop_want(self);
	/* Either may end it all. */
	if (self->capture)
		capture_x11_handle_event(self->capture, event);
	if (self->capture)
		cursor_x11_handle_event(&self->cursor_x11, event);
}

static void handle_drained(void *data)
{
	struct desktop *self = data;

	if (self->capture)
		capture_x11_handle_drained(self->capture);
}

static void handle_broken(void *data)
{
	log_info("the display has gone");
	desktop_detach(data);
}

static const struct xcb_source_events source_events = {
	.event = handle_event,
	.drained = handle_drained,
	.broken = handle_broken,
};

static void start_input(struct desktop *self)
{
	if (input_x11_init(&self->input_x11, self->source, self->screen->root) < 0) {
		log_warning("the X server lacks XTEST: nobody can type or click");
		return;
	}
	input_set_sink(&self->input, &self->input_x11.base);
}

static void start_cursor(struct desktop *self)
{
	if (cursor_x11_init(&self->cursor_x11, self->source, self->screen->root, &self->cursor,
		    &cursor_events, self)
		< 0)
		log_warning("the X server lacks XFIXES: the pointer's shape is not shown");
}

/* What the server can do is known from here on, and asking again does not block. */
static void handle_ready(void *data, const void *reply, const xcb_generic_error_t *error)
{
	struct desktop *self = data;
	int r;

	(void)reply;
	(void)error;
	start_input(self);
	start_cursor(self);
	r = capture_x11_create(&self->capture, self->source, self->screen, &self->stages,
		&capture_events, self);
	if (r < 0) {
		log_error("no picture: %s", strerror(-r));
		desktop_detach(self);
	}
}

static const xcb_screen_t *find_screen(xcb_connection_t *c, int number)
{
	xcb_screen_iterator_t it = xcb_setup_roots_iterator(xcb_get_setup(c));

	for (; it.rem > 1 && number > 0; number--)
		xcb_screen_next(&it);
	return it.data;
}

static int ask_extensions(struct desktop *self, xcb_connection_t *c)
{
	xcb_prefetch_extension_data(c, &xcb_damage_id);
	xcb_prefetch_extension_data(c, &xcb_shm_id);
	xcb_prefetch_extension_data(c, &xcb_xfixes_id);
	xcb_prefetch_extension_data(c, &xcb_test_id);
	return xcb_source_await(
		self->source, xcb_get_input_focus(c).sequence, handle_ready, self);
}

static void handle_answers(void *data, bool answers)
{
	struct desktop *self = data;

	if (answers)
		log_info("the display answers again");
	else
		log_error("the display does not answer");
	host_display_answers(self->host, self->display, answers);
}

static int use_connection(struct desktop *self, xcb_connection_t *c, int screen)
{
	int r = xcb_source_create(&self->source, self->host->event, c, &source_events, self);

	if (r < 0) {
		xcb_disconnect(c);
		return r;
	}
	self->screen = find_screen(c, screen);
	x_watch_start(&self->watch, self->host->event, self->source, handle_answers, self);
	return ask_extensions(self, c);
}

static void handle_connected(void *data, int error, xcb_connection_t *c, int screen)
{
	struct desktop *self = data;

	self->connecting = NULL;
	if (!error)
		error = use_connection(self, c, screen);
	if (error) {
		log_error("cannot connect to the display: %s", strerror(-error));
		desktop_detach(self);
	}
	if (error == -ETIMEDOUT)
		host_display_answers(self->host, self->display, false);
}

void desktop_attach(struct desktop *self, const char *display, const char *xauthority)
{
	int r;

	desktop_detach(self);
	snprintf(self->display, sizeof(self->display), "%s", display);
	r = xcb_connect_start(&self->connecting, self->host->event, display,
		xauthority[0] ? xauthority : NULL, X_WATCH_LIMIT_USEC, handle_connected, self);
	if (r < 0)
		log_error("cannot connect to display %s: %s", display, strerror(-r));
}

bool desktop_is_attached_to(const struct desktop *self, const char *display)
{
	return (self->source || self->connecting) && str_equal(self->display, display);
}

void desktop_want(struct desktop *self)
{
	x_watch_want(&self->watch);
}

static void handle_input_answer(
	void *data, const void *reply, const xcb_generic_error_t *error)
{
	struct desktop *self = data;

	(void)reply;
	(void)error;
	stages_input_had(&self->stages, clock_now());
}

/* Requests are done in their order, so that any answer says that those before it are. */
void desktop_time_input(struct desktop *self, usec_t arrived, usec_t within)
{
	unsigned sequence;

	if (!self->capture || !stages_want_input(&self->stages)
		|| xcb_source_is_stalled(self->source))
		return;
	sequence = xcb_get_input_focus(xcb_source_connection(self->source)).sequence;
	if (xcb_source_await(self->source, sequence, handle_input_answer, self) == 0)
		stages_input(&self->stages, arrived, within, sequence);
}

void desktop_detach(struct desktop *self)
{
	xcb_connect_cancel(TAKE_PTR(self->connecting));
	if (!self->source)
		return;
	input_set_sink(&self->input, NULL);
	cursor_x11_finish(&self->cursor_x11);
	cursor_clear(&self->cursor);
	capture_destroy(TAKE_PTR(self->capture));
	analysis_drop(&self->analysis); /* it may have had what was captured last */
	self->stages = (struct stages){ 0 };
	x_watch_stop(&self->watch);
	xcb_source_destroy(TAKE_PTR(self->source));
	if (self->scene.width > 0)
		resize(self, 0, 0);
}

/* --- life --- */

struct desktop *desktop_create(struct host *host)
{
	struct desktop *self = mem_new(struct desktop);

	if (!self)
		return NULL;
	self->host = host;
	scene_init(&self->scene);
	cursor_init(&self->cursor);
	input_init(&self->input);
	if (analysis_init(&self->analysis, host->event, &self->scene, handle_analysed, self) < 0
		|| video_create(&self->video, &self->scene, host->event, video_codecs) < 0) {
		desktop_destroy(self);
		return NULL;
	}
	return self;
}

void desktop_destroy(struct desktop *self)
{
	if (!self)
		return;
	desktop_detach(self);
	cursor_finish(&self->cursor);
	analysis_finish(&self->analysis);
	video_destroy(self->video);
	scene_finish(&self->scene);
	free(self);
}

struct scene *desktop_scene(struct desktop *self)
{
	return &self->scene;
}

struct video *desktop_video(struct desktop *self)
{
	return self->video;
}

struct cursor *desktop_cursor(struct desktop *self)
{
	return &self->cursor;
}

struct input *desktop_input(struct desktop *self)
{
	return &self->input;
}

const struct stages *desktop_stages(const struct desktop *self)
{
	return &self->stages;
}
