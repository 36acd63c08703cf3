/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/capture/windows.h"

#include <string.h>

/* Batches that a place is remembered for: with a compositing manager it may be shown so late.
 */
#define PAST_MAX 3
/* Windows that are smaller are not worth a hint. */
#define AREA_MIN 4096

static void release(struct windows *self, struct windows_entry *entry)
{
	xcb_source_forget(self->source, entry);
	*entry = (struct windows_entry){ 0 };
}

static struct windows_entry *find(struct windows *self, xcb_window_t id)
{
	for (size_t i = 0; i < WINDOWS_MAX; i++) {
		if (self->entries[i].id == id)
			return &self->entries[i];
	}
	return NULL;
}

/* A free entry, or that of the window of which nothing was heard for the longest time. */
static struct windows_entry *make(struct windows *self, xcb_window_t id)
{
	struct windows_entry *oldest = &self->entries[0];

	for (size_t i = 0; i < WINDOWS_MAX && oldest->id; i++) {
		struct windows_entry *entry = &self->entries[i];

		if (!entry->id || self->batch - entry->used > self->batch - oldest->used)
			oldest = entry;
	}
	release(self, oldest);
	oldest->id = id;
	oldest->used = self->batch;
	return oldest;
}

static void drop(struct windows *self, xcb_window_t id)
{
	struct windows_entry *entry = find(self, id);

	if (entry)
		release(self, entry);
}

/* A window of another size has another picture: then there is nothing to be found. */
static void set_size(struct windows_entry *self, int width, int height)
{
	if (self->width == width && self->height == height)
		return;
	self->width = width;
	self->height = height;
	self->n_places = 0;
	self->n_new = 0;
}

static void add_place(struct windows_entry *self, int x, int y, unsigned sequence)
{
	struct windows_place *newest = &self->places[0];

	if (self->n_places > 0 && newest->x == x && newest->y == y)
		return;
	/* No image can show the place before: we have asked for nothing in between. */
	if (self->n_new > 0 && newest->sequence == sequence) {
		newest->x = x;
		newest->y = y;
		return;
	}
	memmove(self->places + 1, self->places,
		(WINDOWS_PLACES_MAX - 1) * sizeof(*self->places));
	*newest = (struct windows_place){ x, y, sequence };
	if (self->n_places < WINDOWS_PLACES_MAX)
		self->n_places++;
	if (self->n_new < self->n_places)
		self->n_new++;
}

/* --- what the server tells --- */

static void handle_configure(struct windows *self, const xcb_configure_notify_event_t *event)
{
	struct windows_entry *entry = find(self, event->window);

	if (!entry)
		entry = make(self, event->window);
	entry->used = self->batch;
	set_size(entry, event->width + 2 * event->border_width,
		event->height + 2 * event->border_width);
	add_place(
		entry, event->x, event->y, ((const xcb_generic_event_t *)event)->full_sequence);
}

/* Only what the server itself says of the root's own children. */
bool windows_handle_event(struct windows *self, const xcb_generic_event_t *event)
{
	const xcb_configure_notify_event_t *configure = (const void *)event;
	const xcb_reparent_notify_event_t *reparent = (const void *)event;
	const xcb_unmap_notify_event_t *unmap = (const void *)event;

	/* All of them have @event and @window in the same place. */
	if (configure->event != self->root || configure->window == self->root)
		return false;
	switch (event->response_type) {
	case XCB_CONFIGURE_NOTIFY:
		handle_configure(self, configure);
		return true;
	case XCB_REPARENT_NOTIFY:
		if (reparent->parent != self->root)
			drop(self, reparent->window);
		break;
	case XCB_DESTROY_NOTIFY:
	case XCB_UNMAP_NOTIFY:
		drop(self, unmap->window);
		break;
	}
	return false;
}

static void handle_geometry(void *data, const void *reply, const xcb_generic_error_t *error)
{
	const xcb_get_geometry_reply_t *geometry = reply;
	struct windows_entry *entry = data;

	/* An event has told more, or it has gone meanwhile. */
	if (error || entry->n_places > 0)
		return;
	set_size(entry, geometry->width + 2 * geometry->border_width,
		geometry->height + 2 * geometry->border_width);
	add_place(entry, geometry->x, geometry->y, geometry->sequence);
	entry->n_new = 0;
}

/* The uppermost are the last. */
static void handle_tree(void *data, const void *reply, const xcb_generic_error_t *error)
{
	struct windows *self = data;
	xcb_connection_t *c = xcb_source_connection(self->source);
	const xcb_window_t *children;
	int n;

	if (error)
		return;
	children = xcb_query_tree_children(reply);
	n = xcb_query_tree_children_length(reply);
	for (int i = n > WINDOWS_MAX ? n - WINDOWS_MAX : 0; i < n; i++) {
		if (find(self, children[i]))
			continue;
		/* Without memory its first move has no hint. */
		xcb_source_await(self->source, xcb_get_geometry(c, children[i]).sequence,
			handle_geometry, make(self, children[i]));
	}
}

int windows_init(struct windows *self, struct xcb_source *source, xcb_window_t root)
{
	xcb_connection_t *c = xcb_source_connection(source);

	*self = (struct windows){ .source = source, .root = root };
	return xcb_source_await(source, xcb_query_tree(c, root).sequence, handle_tree, self);
}

void windows_finish(struct windows *self)
{
	if (!self->source)
		return;
	for (size_t i = 0; i < WINDOWS_MAX; i++)
		xcb_source_forget(self->source, &self->entries[i]);
	xcb_source_forget(self->source, self);
	self->source = NULL;
}

/* --- hints --- */

/* From the place @old, an index, to @new. */
static size_t add_hint(const struct windows_entry *self, unsigned old, unsigned new,
	struct hint *ret, size_t n)
{
	const struct windows_place *from = &self->places[old], *to = &self->places[new];
	struct rect rect = rect_sized(from->x, from->y, self->width, self->height);

	if (n == WINDOWS_HINTS_MAX || rect_area(&rect) < AREA_MIN)
		return n;
	ret[n] = (struct hint){ rect, to->x - from->x, to->y - from->y };
	return n + 1;
}

/* From what the image before showed to what that of request @sequence does. */
static size_t add_newest(
	struct windows_entry *self, unsigned sequence, struct hint *ret, size_t n)
{
	unsigned before = self->n_new;

	while (self->n_new > 0 && (int)(self->places[self->n_new - 1].sequence - sequence) < 0)
		self->n_new--;
	if (before == self->n_new || before >= self->n_places)
		return n;
	return add_hint(self, before, self->n_new, ret, n);
}

/* All other pairs, as long as it moves. */
static size_t add_late(const struct windows_entry *self, struct hint *ret, size_t n)
{
	unsigned last = self->n_new + PAST_MAX;

	for (unsigned new = self->n_new; new < last; new ++) {
		for (unsigned old = new + 1; old <= last &&old < self->n_places; old++)
			n = add_hint(self, old, new, ret, n);
	}
	return n;
}

size_t windows_take_hints(
	struct windows *self, unsigned sequence, struct hint ret[WINDOWS_HINTS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < WINDOWS_MAX; i++)
		n = add_newest(&self->entries[i], sequence, ret, n);
	for (size_t i = 0; i < WINDOWS_MAX; i++) {
		struct windows_entry *entry = &self->entries[i];

		if (self->batch - entry->used > PAST_MAX && entry->n_places > entry->n_new + 1)
			entry->n_places = entry->n_new + 1;
		n = add_late(entry, ret, n);
	}
	self->batch++;
	return n;
}
