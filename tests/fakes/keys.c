/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Somebody at the keyboard and the mouse of $DISPLAY, by XTEST. What to do, in order:
 *
 *	focus		wait until some window has the keyboard
 *	where		print where the top-level window that has it is: X Y WIDTH HEIGHT
 *	close		ask that window to close, as a window manager's button does
 *	leave		wait until no window has it
 *	key:NAME	press and release a key: Down, Return …, or a letter of a US keyboard
 *	alt:NAME	the same with Alt held
 *	at:X,Y		move the pointer there
 *	click		press and release its first button
 *	size:WxH	change the screen's size
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xcb/xtest.h>

#include "size.h"
#include "window.h"

#define DEADLINE_S 20
#define SEEN_PX 32
#define KEYSYM_ALT 0xffe9

static const struct {
	const char *name;
	xcb_keysym_t keysym;
} keys[] = {
	{ "Tab", 0xff09 },
	{ "Return", 0xff0d },
	{ "Escape", 0xff1b },
	{ "Home", 0xff50 },
	{ "Up", 0xff52 },
	{ "Down", 0xff54 },
	{ "End", 0xff57 },
	{ "space", ' ' },
};

static xcb_keysym_t find_keysym(const char *name)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(keys[i].name, name) == 0)
			return keys[i].keysym;
	}
	if (strlen(name) != 1)
		window_fail("no such key");
	return (unsigned char)name[0];
}

static uint8_t find_keycode(struct window *self, xcb_keysym_t keysym)
{
	const xcb_setup_t *setup = xcb_get_setup(self->connection);
	uint8_t n = (uint8_t)(setup->max_keycode - setup->min_keycode + 1);
	xcb_get_keyboard_mapping_reply_t *map = xcb_get_keyboard_mapping_reply(self->connection,
		xcb_get_keyboard_mapping(self->connection, setup->min_keycode, n), NULL);
	const xcb_keysym_t *keysyms;
	uint8_t keycode = 0;

	if (!map)
		window_fail("no keyboard map");
	keysyms = xcb_get_keyboard_mapping_keysyms(map);
	for (int i = 0; i < n && !keycode; i++) {
		if (keysyms[i * map->keysyms_per_keycode] == keysym)
			keycode = (uint8_t)(setup->min_keycode + i);
	}
	free(map);
	if (!keycode)
		window_fail("no key has this symbol");
	return keycode;
}

static void fake(struct window *self, uint8_t type, uint8_t detail, int16_t x, int16_t y)
{
	xcb_test_fake_input(self->connection, type, detail, XCB_CURRENT_TIME,
		self->screen->root, x, y, XCB_NONE);
}

static void press(struct window *self, const char *name, bool alt)
{
	uint8_t keycode = find_keycode(self, find_keysym(name));
	uint8_t modifier = alt ? find_keycode(self, KEYSYM_ALT) : 0;

	if (alt)
		fake(self, XCB_KEY_PRESS, modifier, 0, 0);
	fake(self, XCB_KEY_PRESS, keycode, 0, 0);
	fake(self, XCB_KEY_RELEASE, keycode, 0, 0);
	if (alt)
		fake(self, XCB_KEY_RELEASE, modifier, 0, 0);
}

/* Not changed when the window is gone. */
static bool find_parent(struct window *self, xcb_window_t window, xcb_window_t *ret)
{
	xcb_query_tree_reply_t *tree = xcb_query_tree_reply(
		self->connection, xcb_query_tree(self->connection, window), NULL);

	if (!tree)
		return false;
	*ret = tree->parent;
	free(tree);
	return true;
}

static bool is_seen(struct window *self, xcb_window_t window)
{
	xcb_get_geometry_reply_t *at = xcb_get_geometry_reply(
		self->connection, xcb_get_geometry(self->connection, window), NULL);
	bool seen = at && at->width >= SEEN_PX && at->height >= SEEN_PX;

	free(at);
	return seen;
}

/*
 * The top-level window that has the keyboard, itself or a child of it. None: the focus follows
 * the pointer, or is with the root or a window manager's invisible window.
 */
static xcb_window_t find_focus(struct window *self)
{
	xcb_get_input_focus_reply_t *reply = xcb_get_input_focus_reply(
		self->connection, xcb_get_input_focus(self->connection), NULL);
	xcb_window_t window, parent = XCB_NONE;

	if (!reply)
		window_fail("the connection ended");
	window = reply->focus;
	free(reply);
	if (window == XCB_INPUT_FOCUS_POINTER_ROOT || window == self->screen->root)
		return XCB_NONE;
	while (window && find_parent(self, window, &parent) && parent != self->screen->root)
		window = parent;
	return window && is_seen(self, window) ? window : XCB_NONE;
}

/* Has events about the focus sent to us, of this window and all below it. */
static void watch(struct window *self, xcb_window_t window)
{
	const uint32_t mask =
		XCB_EVENT_MASK_FOCUS_CHANGE | XCB_EVENT_MASK_SUBSTRUCTURE_NOTIFY;
	xcb_query_tree_reply_t *tree;

	xcb_change_window_attributes(self->connection, window, XCB_CW_EVENT_MASK, &mask);
	tree = xcb_query_tree_reply(
		self->connection, xcb_query_tree(self->connection, window), NULL);
	if (!tree)
		return; /* it is gone */
	for (int i = 0; i < xcb_query_tree_children_length(tree); i++)
		watch(self, xcb_query_tree_children(tree)[i]);
	free(tree);
}

static void await_focus(struct window *self, bool wanted)
{
	xcb_generic_event_t *event;

	for (;;) {
		/* First watch, then look: what happens in between is an event. */
		watch(self, self->screen->root);
		if ((find_focus(self) != XCB_NONE) == wanted)
			return;
		event = xcb_wait_for_event(self->connection);
		if (!event)
			window_fail("the connection ended");
		free(event);
	}
}

static void print_where(struct window *self)
{
	xcb_get_geometry_reply_t *at = xcb_get_geometry_reply(self->connection,
		xcb_get_geometry(self->connection, find_focus(self)), NULL);

	if (!at)
		window_fail("no window has the keyboard");
	printf("%d %d %u %u\n", at->x, at->y, at->width, at->height);
	free(at);
}

static xcb_atom_t find_atom(struct window *self, const char *name)
{
	xcb_intern_atom_reply_t *reply = xcb_intern_atom_reply(self->connection,
		xcb_intern_atom(self->connection, 0, (uint16_t)strlen(name), name), NULL);
	xcb_atom_t atom = reply ? reply->atom : XCB_NONE;

	free(reply);
	return atom;
}

static void ask_to_close(struct window *self)
{
	const xcb_client_message_event_t message = {
		.response_type = XCB_CLIENT_MESSAGE,
		.format = 32,
		.window = find_focus(self),
		.type = find_atom(self, "WM_PROTOCOLS"),
		.data.data32 = { find_atom(self, "WM_DELETE_WINDOW"), XCB_CURRENT_TIME },
	};

	xcb_send_event(self->connection, 0, message.window, XCB_EVENT_MASK_NO_EVENT,
		(const char *)&message);
}

static void resize(struct window *self, unsigned width, unsigned height)
{
	struct size size;

	size_init(&size, self);
	if (!size_set(&size, width, height))
		window_fail("the screen cannot have this size");
}

static void act(struct window *self, const char *what)
{
	int x, y;

	if (strcmp(what, "focus") == 0 || strcmp(what, "leave") == 0) {
		await_focus(self, what[0] == 'f');
	} else if (strcmp(what, "where") == 0) {
		print_where(self);
	} else if (strcmp(what, "close") == 0) {
		ask_to_close(self);
	} else if (strncmp(what, "key:", 4) == 0 || strncmp(what, "alt:", 4) == 0) {
		press(self, what + 4, what[0] == 'a');
	} else if (sscanf(what, "at:%d,%d", &x, &y) == 2) {
		fake(self, XCB_MOTION_NOTIFY, 0, (int16_t)x, (int16_t)y);
	} else if (strcmp(what, "click") == 0) {
		fake(self, XCB_BUTTON_PRESS, 1, 0, 0);
		fake(self, XCB_BUTTON_RELEASE, 1, 0, 0);
	} else if (sscanf(what, "size:%dx%d", &x, &y) == 2) {
		resize(self, (unsigned)x, (unsigned)y);
	} else {
		window_fail(what);
	}
	window_sync(self);
}

int main(int argc, char **argv)
{
	struct window window;

	/* What never happens ends us by a signal. */
	alarm(DEADLINE_S);
	window_connect(&window);
	for (int i = 1; i < argc; i++)
		act(&window, argv[i]);
	xcb_disconnect(window.connection);
	return 0;
}
