/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/display/keymap.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <xcb/xcb.h>
#include <xcb/xcbext.h>
#include <xcb/xkb.h>

#include "base/mem.h"
#include "loop/xcb-source.h"

#define RULES_PROPERTY "_XKB_RULES_NAMES"

struct keymap {
	struct xcb_source *source; /* borrowed */
	xcb_window_t root;
	xcb_atom_t rules_atom;
	keymap_done_fn done;
	void *data;
};

/* Rules, model, layout, variant, options: each with its NUL. */
static const char evdev_names[] = "evdev\0pc105\0us\0\0";

static void handle_loaded(void *data, const void *reply, const xcb_generic_error_t *error)
{
	const xcb_xkb_get_kbd_by_name_reply_t *keyboard = reply;
	struct keymap *self = data;

	if (error || !keyboard->loaded) {
		self->done(self->data, -EIO);
		return;
	}
	xcb_change_property(xcb_source_connection(self->source), XCB_PROP_MODE_REPLACE, self->root,
		self->rules_atom, XCB_ATOM_STRING, 8, sizeof(evdev_names), evdev_names);
	self->done(self->data, 0);
}

/* The request's component names, in the protocol's order; xcb's own call cannot send them. */
static size_t put_components(uint8_t *bytes)
{
	static const char *const components[] = {
		"",			   /* keymap: none, the parts are named */
		"evdev+aliases(qwerty)",   /* key codes */
		"complete",		   /* types */
		"complete",		   /* compatibility map */
		"pc+us+inet(evdev)",	   /* symbols */
		"pc(pc105)",		   /* geometry */
	};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(components); i++) {
		size_t length = strlen(components[i]);

		bytes[n++] = (uint8_t)length;
		memcpy(bytes + n, components[i], length);
		n += length;
	}
	return n;
}

static int load(struct keymap *self)
{
	static const xcb_protocol_request_t protocol = {
		.count = 3,
		.ext = &xcb_xkb_id,
		.opcode = XCB_XKB_GET_KBD_BY_NAME,
		.isvoid = 0,
	};
	xcb_xkb_get_kbd_by_name_request_t request = {
		.deviceSpec = XCB_XKB_ID_USE_CORE_KBD,
		.want = XCB_XKB_GBN_DETAIL_TYPES | XCB_XKB_GBN_DETAIL_COMPAT_MAP
			| XCB_XKB_GBN_DETAIL_CLIENT_SYMBOLS | XCB_XKB_GBN_DETAIL_SERVER_SYMBOLS
			| XCB_XKB_GBN_DETAIL_KEY_NAMES,
		.load = 1,
	};
	uint8_t components[256] = { 0 };
	size_t n = put_components(components);
	struct iovec parts[5]; /* two more than sent: xcb_send_request(3) wants them before */

	parts[2] = (struct iovec){ &request, sizeof(request) };
	parts[3] = (struct iovec){ components, n };
	parts[4] = (struct iovec){ NULL, -n & 3 };
	return xcb_source_await(self->source,
		xcb_send_request(xcb_source_connection(self->source), XCB_REQUEST_CHECKED,
			parts + 2, &protocol),
		handle_loaded, self);
}

static void handle_rules(void *data, const void *reply, const xcb_generic_error_t *error)
{
	const xcb_get_property_reply_t *property = reply;
	struct keymap *self = data;
	int r;

	if (!error && xcb_get_property_value_length(property) >= 6
		&& memcmp(xcb_get_property_value(property), "evdev", 6) == 0) {
		self->done(self->data, 0);
		return;
	}
	r = load(self);
	if (r < 0)
		self->done(self->data, r);
}

static void handle_atom(void *data, const void *reply, const xcb_generic_error_t *error)
{
	const xcb_intern_atom_reply_t *atom = reply;
	struct keymap *self = data;
	xcb_connection_t *c = xcb_source_connection(self->source);
	int r = -EIO;

	if (!error) {
		self->rules_atom = atom->atom;
		r = xcb_source_await(self->source,
			xcb_get_property(c, 0, self->root, atom->atom, XCB_ATOM_STRING, 0, 256)
				.sequence,
			handle_rules, self);
	}
	if (r < 0)
		self->done(self->data, r);
}

int keymap_start(struct keymap **ret, struct xcb_source *source, xcb_window_t root,
	keymap_done_fn done, void *data)
{
	xcb_connection_t *c = xcb_source_connection(source);
	const xcb_query_extension_reply_t *extension;
	struct keymap *self;
	int r;

	extension = xcb_get_extension_data(c, &xcb_xkb_id);
	if (!extension || !extension->present)
		return -ENOTSUP;
	self = mem_new(struct keymap);
	if (!self)
		return -ENOMEM;
	*self = (struct keymap){ .source = source, .root = root, .done = done, .data = data };
	xcb_discard_reply(c, xcb_xkb_use_extension(c, 1, 0).sequence);
	r = xcb_source_await(source,
		xcb_intern_atom(c, 0, strlen(RULES_PROPERTY), RULES_PROPERTY).sequence,
		handle_atom, self);
	if (r < 0) {
		free(self);
		return r;
	}
	*ret = self;
	return 0;
}

void keymap_destroy(struct keymap *self)
{
	if (!self)
		return;
	xcb_source_forget(self->source, self);
	free(self);
}
