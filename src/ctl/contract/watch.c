/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/contract/watch.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <xcb/randr.h>
#include <xcb/xcb.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/paths.h"
#include "base/str.h"
#include "loop/xcb-connect.h"

#define DPI 96

struct watch {
	xcb_connection_t *c;
	xcb_window_t root;
	long width, height; /* what it should be */
};

static int connect_to_display(xcb_connection_t **ret, int *ret_screen)
{
	const char *display = getenv("DISPLAY"), *given = getenv("XAUTHORITY");
	CLEANUP(free) char *home = paths_home();
	CLEANUP(free) char *usual = home ? xprintf("%s/.Xauthority", home) : NULL;
	int r;

	if (str_empty(display))
		return -ENODEV;
	r = xcb_connect_file(display, str_empty(given) ? usual : given, ret, ret_screen);
	return r == -ENOENT ? xcb_connect_file(display, NULL, ret, ret_screen) : r;
}

static xcb_window_t find_root(xcb_connection_t *c, int screen)
{
	xcb_screen_iterator_t it = xcb_setup_roots_iterator(xcb_get_setup(c));

	while (screen-- > 0 && it.rem > 1)
		xcb_screen_next(&it);
	return it.data->root;
}

/* The size of the root, and whether that is the largest. False when the display is gone. */
static bool read_size(struct watch *self, long *ret_width, long *ret_height, bool *ret_largest)
{
	CLEANUP(free) xcb_get_geometry_reply_t *now = xcb_get_geometry_reply(
		self->c, xcb_get_geometry(self->c, self->root), NULL);
	CLEANUP(free) xcb_randr_get_screen_size_range_reply_t *range
		= xcb_randr_get_screen_size_range_reply(
			self->c, xcb_randr_get_screen_size_range(self->c, self->root), NULL);

	if (!now || !range)
		return false;
	*ret_width = now->width;
	*ret_height = now->height;
	*ret_largest = now->width == range->max_width && now->height == range->max_height;
	return true;
}

static uint32_t millimetres(long pixels)
{
	return (uint32_t)(25.4 * (double)pixels / DPI);
}

/* As xrandr -s and --dpi: by the list of sizes that a screen of one output has. */
static void switch_back(struct watch *self)
{
	CLEANUP(free) xcb_randr_get_screen_info_reply_t *info = xcb_randr_get_screen_info_reply(
		self->c, xcb_randr_get_screen_info(self->c, self->root), NULL);
	const xcb_randr_screen_size_t *sizes;

	if (!info)
		return;
	sizes = xcb_randr_get_screen_info_sizes(info);
	for (int i = 0; i < xcb_randr_get_screen_info_sizes_length(info); i++) {
		if (sizes[i].width != self->width || sizes[i].height != self->height)
			continue;
		free(xcb_randr_set_screen_config_reply(self->c,
			xcb_randr_set_screen_config(self->c, self->root, XCB_CURRENT_TIME,
				info->config_timestamp, (uint16_t)i, XCB_RANDR_ROTATION_ROTATE_0, 0),
			NULL));
		free(xcb_request_check(self->c,
			xcb_randr_set_screen_size_checked(self->c, self->root, sizes[i].width,
				sizes[i].height, millimetres(self->width),
				millimetres(self->height))));
		return;
	}
}

/* True when there is nothing more to do. */
static bool look(struct watch *self)
{
	long width, height;
	bool largest;

	if (!read_size(self, &width, &height, &largest))
		return true;
	if (width == self->width && height == self->height)
		return false;
	if (largest)
		switch_back(self);
	return true;
}

static void wait_for_change(struct watch *self, usec_t limit)
{
	struct pollfd fd = { .fd = xcb_get_file_descriptor(self->c), .events = POLLIN };
	usec_t end = clock_now() + limit;

	while (!look(self)) {
		xcb_generic_event_t *event;
		bool any = false;

		/* The replies above may have brought events along. */
		while (!any && !(any = (event = xcb_poll_for_event(self->c)))) {
			usec_t now = clock_now();

			if (now >= end || xcb_connection_has_error(self->c))
				return;
			poll(&fd, 1, (int)((end - now) / USEC_PER_MSEC) + 1);
		}
		free(event);
	}
}

int watch_resolution(long width_px, long height_px, usec_t limit)
{
	struct watch watch = { .width = width_px, .height = height_px };
	const xcb_query_extension_reply_t *randr;
	int screen = 0;
	int r = connect_to_display(&watch.c, &screen);

	if (r < 0)
		return r;
	watch.root = find_root(watch.c, screen);
	randr = xcb_get_extension_data(watch.c, &xcb_randr_id); /* NULL: the display is gone */
	if (randr && randr->present) {
		/* Unless told otherwise the server speaks RandR 1.0 with us, whose requests are shorter. */
		free(xcb_randr_query_version_reply(
			watch.c, xcb_randr_query_version(watch.c, 1, 2), NULL));
		xcb_randr_select_input(watch.c, watch.root, XCB_RANDR_NOTIFY_MASK_SCREEN_CHANGE);
		wait_for_change(&watch, limit);
	}
	xcb_disconnect(watch.c);
	return 0;
}
