/* SPDX-License-Identifier: BSD-3-Clause */
#include "size.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void find_crtc(struct size *self)
{
	xcb_connection_t *c = self->window->connection;
	xcb_randr_get_output_info_reply_t *output = xcb_randr_get_output_info_reply(
		c, xcb_randr_get_output_info(c, self->output, XCB_CURRENT_TIME), NULL);
	xcb_randr_get_crtc_info_reply_t *crtc;

	if (!output || xcb_randr_get_output_info_crtcs_length(output) == 0)
		window_fail("the output has no CRTC");
	self->crtc = output->crtc ? output->crtc : xcb_randr_get_output_info_crtcs(output)[0];
	crtc = xcb_randr_get_crtc_info_reply(
		c, xcb_randr_get_crtc_info(c, self->crtc, XCB_CURRENT_TIME), NULL);
	if (!crtc)
		window_fail("the CRTC is not told of");
	self->mode = crtc->mode;
	free(crtc);
	free(output);
}

void size_init(struct size *self, struct window *window)
{
	xcb_connection_t *c = window->connection;
	xcb_randr_get_screen_resources_current_reply_t *resources;

	*self = (struct size){ .window = window };
	/* The server shows modes only to who said that it knows RandR 1.2. */
	xcb_discard_reply(c, xcb_randr_query_version(c, 1, 5).sequence);
	resources = xcb_randr_get_screen_resources_current_reply(
		c, xcb_randr_get_screen_resources_current(c, window->screen->root), NULL);
	if (!resources || resources->num_outputs == 0)
		window_fail("no RandR");
	self->output = xcb_randr_get_screen_resources_current_outputs(resources)[0];
	find_crtc(self);
	free(resources);
}

/* No two modes of a server have the same name, whoever made them. */
static xcb_randr_mode_t make_mode(struct size *self, unsigned width, unsigned height)
{
	static unsigned n_made;
	xcb_connection_t *c = self->window->connection;
	char name[64];
	int n = snprintf(name, sizeof(name), "%ux%u_%d_%u", width, height, getpid(), n_made++);
	const xcb_randr_mode_info_t info = {
		.width = (uint16_t)width,
		.height = (uint16_t)height,
		.dot_clock = 60000000,
		.htotal = 1000,
		.vtotal = 1000,
		.name_len = (uint16_t)n,
	};
	xcb_randr_create_mode_reply_t *made = xcb_randr_create_mode_reply(c,
		xcb_randr_create_mode(c, self->window->screen->root, info, (uint32_t)n, name),
		NULL);
	xcb_randr_mode_t mode;

	if (!made)
		window_fail("no mode can be made");
	mode = made->mode;
	free(made);
	xcb_randr_add_output_mode(c, self->output, mode);
	return mode;
}

static void destroy_mode(struct size *self, xcb_randr_mode_t mode)
{
	xcb_randr_delete_output_mode(self->window->connection, self->output, mode);
	xcb_randr_destroy_mode(self->window->connection, mode);
}

/* @mode 0: off. */
static bool configure(struct size *self, xcb_randr_mode_t mode)
{
	xcb_connection_t *c = self->window->connection;
	xcb_randr_set_crtc_config_reply_t *reply = xcb_randr_set_crtc_config_reply(c,
		xcb_randr_set_crtc_config(c, self->crtc, XCB_CURRENT_TIME, XCB_CURRENT_TIME, 0,
			0, mode, XCB_RANDR_ROTATION_ROTATE_0, mode ? 1 : 0, &self->output),
		NULL);
	bool is_done = reply && reply->status == XCB_RANDR_SET_CONFIG_SUCCESS;

	free(reply);
	return is_done;
}

/* The screen can only be resized while no CRTC shows a part beyond it: off, resize, on. */
static bool switch_to(struct size *self, xcb_randr_mode_t mode, unsigned width, unsigned height)
{
	xcb_connection_t *c = self->window->connection;
	xcb_generic_error_t *error;

	if (!configure(self, XCB_NONE))
		window_fail("the output does not go off");
	error = xcb_request_check(c,
		xcb_randr_set_screen_size_checked(c, self->window->screen->root,
			(uint16_t)width, (uint16_t)height, width / 4 + 1, height / 4 + 1));
	free(error);
	return configure(self, error ? self->mode : mode) && !error;
}

bool size_set(struct size *self, unsigned width, unsigned height)
{
	xcb_randr_mode_t mode = make_mode(self, width, height);

	if (!switch_to(self, mode, width, height)) {
		destroy_mode(self, mode);
		return false;
	}
	if (self->is_ours)
		destroy_mode(self, self->mode);
	self->mode = mode;
	self->is_ours = true;
	self->window->width = (uint16_t)width;
	self->window->height = (uint16_t)height;
	return true;
}
