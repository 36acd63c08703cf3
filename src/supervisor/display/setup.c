/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/display/setup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/xcb-ping.h"
#include "loop/xcb-source.h"
#include "supervisor/display/keymap.h"
#include "supervisor/display/randr.h"
#include "supervisor/display/size-watch.h"

/* Host, session and watchdog may ask at the same time. */
#define N_CHECKS 3
#define WM_PROPERTY "_NET_SUPPORTING_WM_CHECK"

/* Does it still answer? */
struct check {
	void (*done)(void *data, bool alive); /* NULL: nobody asks */
	void *data;
	struct xcb_ping ping;
};

struct setup {
	sd_event *event; /* borrowed */
	const struct display_impl *impl;
	const struct settings *settings;
	const struct setup_events *events;
	void *data;
	struct xcb_source *source; /* NULL: broken */
	xcb_window_t root;
	xcb_atom_t wm_atom;
	struct keymap *keymap;
	struct randr *randr; /* until it is done; longer where the size is watched */
	struct size_watch size_watch;
	bool is_done;
	struct check checks[N_CHECKS];
};

static void end_check(struct check *self, bool alive)
{
	void (*done)(void *data, bool alive) = self->done;

	self->done = NULL;
	if (done)
		done(self->data, alive);
}

/* The answers that wait do not come any more. */
static void drop_source(struct setup *self)
{
	for (size_t i = 0; i < N_CHECKS; i++)
		xcb_ping_cancel(&self->checks[i].ping);
	xcb_source_destroy(self->source);
	self->source = NULL;
	for (size_t i = 0; i < N_CHECKS; i++)
		end_check(&self->checks[i], false);
}

static void handle_modes(void *data, int error)
{
	struct setup *self = data;

	if (error)
		log_warning("the X server keeps its own size: the modes could not be set: %s",
			strerror(-error));
	if (self->is_done)
		return;
	self->is_done = true;
	if (error || !self->impl->starts_largest) {
		randr_destroy(self->randr);
		self->randr = NULL;
	} else {
		size_watch_start(&self->size_watch, xcb_source_connection(self->source),
			self->root, self->settings);
	}
	self->events->done(self->data);
}

static void start_modes(struct setup *self)
{
	int r = randr_start(&self->randr, self->source, self->root, self->impl->outputs,
		self->settings, handle_modes, self);

	if (r < 0)
		handle_modes(self, r);
}

static void handle_keymap(void *data, int error)
{
	struct setup *self = data;

	keymap_destroy(self->keymap);
	self->keymap = NULL;
	if (error)
		log_warning("the evdev keymap could not be set, keys may be wrong: %s",
			strerror(-error));
	start_modes(self);
}

static void handle_wm_atom(void *data, const void *reply, const xcb_generic_error_t *error)
{
	const xcb_intern_atom_reply_t *atom = reply;
	struct setup *self = data;

	if (!error)
		self->wm_atom = atom->atom;
}

static void handle_event(void *data, const xcb_generic_event_t *event)
{
	struct setup *self = data;

	if (size_watch_handle_event(&self->size_watch, event, clock_now())) {
		log_info("the screen was made as large as it can be: back to the first size");
		randr_switch_to_first_size(self->randr);
		return;
	}
	switch (event->response_type & 0x7f) {
	case XCB_PROPERTY_NOTIFY: {
		const xcb_property_notify_event_t *notify = (const void *)event;

		if (self->wm_atom && notify->atom == self->wm_atom &&
			notify->state == XCB_PROPERTY_NEW_VALUE)
			self->events->window_manager(self->data);
		break;
	}
	case XCB_MAP_NOTIFY:
		self->events->window(self->data);
		break;
	}
}

static void handle_broken(void *data)
{
	struct setup *self = data;

	keymap_destroy(self->keymap);
	randr_destroy(self->randr);
	self->keymap = NULL;
	self->randr = NULL;
	drop_source(self);
	self->events->broken(self->data);
}

static const struct xcb_source_events source_events = {
	.event = handle_event,
	.broken = handle_broken,
};

/* The watch on the root window; keymap, then modes, then done. */
static int begin(struct setup *self, xcb_connection_t *c, bool is_set_up)
{
	static const uint32_t mask =
		XCB_EVENT_MASK_PROPERTY_CHANGE | XCB_EVENT_MASK_SUBSTRUCTURE_NOTIFY;
	int r;

	self->root = xcb_setup_roots_iterator(xcb_get_setup(c)).data->root;
	xcb_change_window_attributes(c, self->root, XCB_CW_EVENT_MASK, &mask);
	r = xcb_source_await(self->source,
		xcb_intern_atom(c, 0, strlen(WM_PROPERTY), WM_PROPERTY).sequence, handle_wm_atom,
		self);
	if (r < 0)
		return r;
	self->is_done = is_set_up;
	if (is_set_up)
		return 0;
	r = keymap_start(&self->keymap, self->source, self->root, handle_keymap, self);
	if (r != -ENOTSUP)
		return r;
	start_modes(self);
	return 0;
}

int setup_create(struct setup **ret, sd_event *event, xcb_connection_t *connection,
	const struct display_impl *impl, const struct settings *settings, bool is_set_up,
	const struct setup_events *events, void *data)
{
	struct setup *self = mem_new(struct setup);
	int r = -ENOMEM;

	if (!self)
		goto disconnect;
	*self = (struct setup){ .event = event, .impl = impl, .settings = settings,
		.events = events, .data = data };
	r = xcb_source_create(&self->source, event, connection, &source_events, self);
	if (r < 0)
		goto disconnect;
	if (impl)
		r = begin(self, connection, is_set_up);
	if (r < 0) {
		setup_destroy(self);
		return r;
	}
	*ret = self;
	return 0;

disconnect:
	xcb_disconnect(connection);
	free(self);
	return r;
}

void setup_destroy(struct setup *self)
{
	if (!self)
		return;
	keymap_destroy(self->keymap);
	randr_destroy(self->randr);
	drop_source(self);
	free(self);
}

static void handle_ping(void *data, bool answers)
{
	end_check(data, answers);
}

static struct check *free_check(struct setup *self)
{
	for (size_t i = 0; i < N_CHECKS; i++) {
		if (!self->checks[i].done)
			return &self->checks[i];
	}
	return NULL;
}

void setup_check(
	struct setup *self, usec_t limit, void (*done)(void *data, bool alive), void *data)
{
	struct check *check = free_check(self);
	int r;

	if (!check) {
		done(data, false);
		return;
	}
	check->done = done;
	check->data = data;
	r = xcb_ping_start(&check->ping, self->event, self->source, limit, handle_ping, check);
	/* One that cannot be asked is not blamed. */
	if (r < 0)
		end_check(check, r == -ENOMEM);
}
