/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fake-desktop MANAGER CLASS…: waits until a desktop is whole, as its user sees it: the window
 * manager calls itself MANAGER, and it manages a window of each CLASS: a panel, the background.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "window.h"

#define LENGTH_MAX 1024 /* of a property, in units of 4 bytes */

static xcb_atom_t atom(const struct window *self, const char *name)
{
	xcb_intern_atom_reply_t *reply = xcb_intern_atom_reply(self->connection,
		xcb_intern_atom(self->connection, 0, (uint16_t)strlen(name), name), NULL);
	xcb_atom_t found;

	if (!reply)
		window_fail("no atoms");
	found = reply->atom;
	free(reply);
	return found;
}

/* NULL: there is no such window any more. The caller frees it. */
static xcb_get_property_reply_t *property(
	const struct window *self, xcb_window_t id, const char *name)
{
	return xcb_get_property_reply(self->connection,
		xcb_get_property(self->connection, 0, id, atom(self, name),
			XCB_GET_PROPERTY_TYPE_ANY, 0, LENGTH_MAX),
		NULL);
}

/* Is it one of the strings, each ended by a NUL or by the end of all? */
static bool has_string(const struct window *self, xcb_window_t id, const char *name, const char *text)
{
	xcb_get_property_reply_t *reply = property(self, id, name);
	size_t left = reply ? (size_t)xcb_get_property_value_length(reply) : 0;
	const char *at = reply ? xcb_get_property_value(reply) : NULL;
	bool found = false;

	while (left && !found) {
		size_t length = strnlen(at, left);
		size_t step = length < left ? length + 1 : length;

		found = length == strlen(text) && memcmp(at, text, length) == 0;
		at += step;
		left -= step;
	}
	free(reply);
	return found;
}

/* The windows that a property of the root window lists; the caller frees the reply. */
static size_t windows(
	const struct window *self, const char *name, xcb_get_property_reply_t **ret_reply)
{
	xcb_get_property_reply_t *reply = property(self, self->screen->root, name);

	*ret_reply = reply;
	return reply && reply->format == 32 ? (size_t)xcb_get_property_value_length(reply) / 4 : 0;
}

static bool has_manager(const struct window *self, const char *name)
{
	xcb_get_property_reply_t *reply;
	size_t n = windows(self, "_NET_SUPPORTING_WM_CHECK", &reply);
	bool found = n
		&& has_string(self, *(xcb_window_t *)xcb_get_property_value(reply), "_NET_WM_NAME", name);

	free(reply);
	return found;
}

static bool has_class(const struct window *self, const char *class)
{
	xcb_get_property_reply_t *reply;
	size_t n = windows(self, "_NET_CLIENT_LIST", &reply);
	bool found = false;

	for (size_t i = 0; i < n && !found; i++)
		found = has_string(self, ((xcb_window_t *)xcb_get_property_value(reply))[i],
			"WM_CLASS", class);
	free(reply);
	return found;
}

static bool is_whole(const struct window *self, char **argv)
{
	if (!has_manager(self, argv[1]))
		return false;
	for (char **class = argv + 2; *class; class++) {
		if (!has_class(self, *class))
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	const uint32_t mask = XCB_EVENT_MASK_PROPERTY_CHANGE;
	struct window window;

	if (argc < 2)
		window_fail("which window manager?");
	window_connect(&window);
	xcb_change_window_attributes(
		window.connection, window.screen->root, XCB_CW_EVENT_MASK, &mask);
	while (!is_whole(&window, argv)) {
		xcb_generic_event_t *event = xcb_wait_for_event(window.connection);

		if (!event)
			window_fail("the connection ended");
		free(event);
	}
	return 0;
}
