/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/display/size-watch.h"

#include <xcb/randr.h>

#define WATCH_USEC (30 * USEC_PER_SEC)

static struct settings_size find_largest(const struct settings *settings)
{
	struct settings_size largest = { 0 };

	for (size_t i = 0; i < settings->n_sizes; i++) {
		if (settings->sizes[i].width > largest.width)
			largest.width = settings->sizes[i].width;
		if (settings->sizes[i].height > largest.height)
			largest.height = settings->sizes[i].height;
	}
	return largest;
}

void size_watch_start(struct size_watch *self, xcb_connection_t *c, xcb_window_t root,
	const struct settings *settings)
{
	/* Known since the modes were set: this does not wait. */
	const xcb_query_extension_reply_t *randr = xcb_get_extension_data(c, &xcb_randr_id);

	*self = (struct size_watch){ 0 };
	if (!randr || !randr->present || settings->n_sizes == 0)
		return;
	self->first = settings->sizes[0];
	self->largest = find_largest(settings);
	self->event = randr->first_event + XCB_RANDR_SCREEN_CHANGE_NOTIFY;
	self->until = clock_now() + WATCH_USEC;
	xcb_randr_select_input(c, root, XCB_RANDR_NOTIFY_MASK_SCREEN_CHANGE);
}

bool size_watch_handle_event(
	struct size_watch *self, const xcb_generic_event_t *event, usec_t now)
{
	const xcb_randr_screen_change_notify_event_t *change = (const void *)event;
	bool same;

	if (!self->until || (event->response_type & 0x7f) != self->event)
		return false;
	/* Our own change may still be told. */
	same = change->width == self->first.width && change->height == self->first.height;
	if (same && now < self->until)
		return false;
	if (now >= self->until) {
		self->until = 0;
		return false;
	}
	self->until = 0;
	return change->width == self->largest.width && change->height == self->largest.height;
}
