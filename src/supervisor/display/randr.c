/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/display/randr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xcb/randr.h>

#include "base/log.h"
#include "base/mem.h"
#include "loop/xcb-source.h"

#define N_OUTPUTS 4
#define N_IDS 32
#define N_RATES 2
#define N_MODES (SETTINGS_N_SIZES * N_RATES)
/* Machines with more processors than this get a second, faster rate. */
#define FAST_PROCESSORS 16

struct output {
	xcb_randr_output_t id;
	xcb_randr_crtc_t crtc;
};

struct randr {
	struct xcb_source *source; /* borrowed */
	xcb_window_t root;
	const char *const *wanted; /* borrowed */
	struct settings_size sizes[SETTINGS_N_SIZES];
	size_t n_sizes;
	unsigned rates[N_RATES];
	size_t n_rates;

	xcb_randr_output_t ids[N_IDS]; /* all that the server has */
	struct output outputs[N_OUTPUTS]; /* in the order of @wanted; id 0: not there */
	xcb_randr_mode_t modes[N_MODES];  /* size by size; 0: not made */
	size_t n_made, n_asked; /* replies so far, and to come in all */

	randr_done_fn done;
	void *data;
};

static uint32_t millimetres(unsigned pixels)
{
	return (uint32_t)(25.4 * pixels / 96);
}

static void finish(struct randr *self, int error)
{
	self->done(self->data, error);
}

static void handle_switched(void *data, const void *reply, const xcb_generic_error_t *error)
{
	const xcb_randr_set_crtc_config_reply_t *config = reply;

	finish(data, error || config->status != XCB_RANDR_SET_CONFIG_SUCCESS ? -EIO : 0);
}

/* The screen can only be resized while no CRTC shows a part beyond it: off, resize, on. */
void randr_switch_to_first_size(struct randr *self)
{
	xcb_connection_t *c = xcb_source_connection(self->source);
	const struct output *output = &self->outputs[0];
	const struct settings_size *size = &self->sizes[0];
	unsigned ignored;
	int r;

	if (!output->id || !output->crtc || !self->modes[0]) {
		finish(self, -ENOTSUP);
		return;
	}
	ignored = xcb_randr_set_crtc_config(c, output->crtc, XCB_CURRENT_TIME, XCB_CURRENT_TIME, 0,
		0, XCB_NONE, XCB_RANDR_ROTATION_ROTATE_0, 0, NULL)
			  .sequence;
	xcb_discard_reply(c, ignored);
	xcb_randr_set_screen_size(c, self->root, (uint16_t)size->width, (uint16_t)size->height,
		millimetres(size->width), millimetres(size->height));
	r = xcb_source_await(self->source,
		xcb_randr_set_crtc_config(c, output->crtc, XCB_CURRENT_TIME, XCB_CURRENT_TIME, 0,
			0, self->modes[0], XCB_RANDR_ROTATION_ROTATE_0, 1, &output->id)
			.sequence,
		handle_switched, self);
	if (r < 0)
		finish(self, r);
}

static void add_modes(struct randr *self)
{
	xcb_connection_t *c = xcb_source_connection(self->source);

	for (size_t o = 0; o < N_OUTPUTS; o++) {
		for (size_t m = 0; self->outputs[o].id && m < N_MODES; m++) {
			if (self->modes[m])
				xcb_randr_add_output_mode(
					c, self->outputs[o].id, self->modes[m]);
		}
	}
	randr_switch_to_first_size(self);
}

/* Replies come in the order of the requests. */
static void handle_mode(void *data, const void *reply, const xcb_generic_error_t *error)
{
	const xcb_randr_create_mode_reply_t *mode = reply;
	struct randr *self = data;

	if (error)
		log_debug("a mode was refused: X error %u", (unsigned)error->error_code);
	else
		self->modes[self->n_made] = mode->mode;
	if (++self->n_made == self->n_asked)
		add_modes(self);
}

static int make_mode(struct randr *self, const struct settings_size *size, unsigned rate)
{
	xcb_connection_t *c = xcb_source_connection(self->source);
	char name[32];
	int n = snprintf(name, sizeof(name), "%ux%u_%u", size->width, size->height, rate);
	xcb_randr_mode_info_t info = {
		.width = (uint16_t)size->width,
		.height = (uint16_t)size->height,
		.dot_clock = rate * 1000 * 1000,
		.htotal = 1000,
		.vtotal = 1000,
		.name_len = (uint16_t)n,
	};

	return xcb_source_await(self->source,
		xcb_randr_create_mode(c, self->root, info, (uint32_t)n, name).sequence,
		handle_mode, self);
}

static void make_modes(struct randr *self)
{
	int r = 0;

	self->n_asked = self->n_sizes * self->n_rates;
	for (size_t s = 0; s < self->n_sizes && r == 0; s++) {
		for (size_t rate = 0; rate < self->n_rates && r == 0; rate++)
			r = make_mode(self, &self->sizes[s], self->rates[rate]);
	}
	if (r < 0)
		finish(self, r);
}

static void keep_output(struct randr *self, const xcb_randr_get_output_info_reply_t *info,
	xcb_randr_output_t id)
{
	const char *name = (const char *)xcb_randr_get_output_info_name(info);
	size_t n = (size_t)xcb_randr_get_output_info_name_length(info);

	for (size_t i = 0; i < N_OUTPUTS && self->wanted[i]; i++) {
		if (strlen(self->wanted[i]) != n || memcmp(self->wanted[i], name, n) != 0)
			continue;
		self->outputs[i].id = id;
		self->outputs[i].crtc = info->crtc;
		if (!info->crtc && xcb_randr_get_output_info_crtcs_length(info))
			self->outputs[i].crtc = xcb_randr_get_output_info_crtcs(info)[0];
	}
}

/* An output's id is not in its info, but replies come in the order of the questions. */
static void handle_output(void *data, const void *reply, const xcb_generic_error_t *error)
{
	struct randr *self = data;

	if (!error)
		keep_output(self, reply, self->ids[self->n_made]);
	if (++self->n_made < self->n_asked)
		return;
	self->n_made = 0;
	make_modes(self);
}

static void handle_resources(void *data, const void *reply, const xcb_generic_error_t *error)
{
	const xcb_randr_get_screen_resources_current_reply_t *resources = reply;
	struct randr *self = data;
	xcb_connection_t *c = xcb_source_connection(self->source);
	int n, r = 0;

	if (error) {
		finish(self, -ENOTSUP);
		return;
	}
	n = xcb_randr_get_screen_resources_current_outputs_length(resources);
	if (n <= 0) {
		finish(self, -ENOTSUP);
		return;
	}
	self->n_asked = (size_t)n < N_IDS ? (size_t)n : N_IDS;
	memcpy(self->ids, xcb_randr_get_screen_resources_current_outputs(resources),
		self->n_asked * sizeof(self->ids[0]));
	for (size_t i = 0; i < self->n_asked && r == 0; i++)
		r = xcb_source_await(self->source,
			xcb_randr_get_output_info(c, self->ids[i], XCB_CURRENT_TIME).sequence,
			handle_output, self);
	if (r < 0)
		finish(self, r);
}

int randr_start(struct randr **ret, struct xcb_source *source, xcb_window_t root,
	const char *const *outputs, const struct settings *sizes, randr_done_fn done, void *data)
{
	xcb_connection_t *c = xcb_source_connection(source);
	const xcb_query_extension_reply_t *extension;
	struct randr *self;
	int r;

	extension = xcb_get_extension_data(c, &xcb_randr_id);
	if (!extension || !extension->present)
		return -ENOTSUP;
	self = mem_new(struct randr);
	if (!self)
		return -ENOMEM;
	*self = (struct randr){ .source = source, .root = root, .wanted = outputs,
		.n_sizes = sizes->n_sizes, .rates = { 60, 120 }, .done = done, .data = data };
	memcpy(self->sizes, sizes->sizes, sizeof(self->sizes));
	self->n_rates = sysconf(_SC_NPROCESSORS_ONLN) > FAST_PROCESSORS ? 2 : 1;
	xcb_discard_reply(c, xcb_randr_query_version(c, 1, 4).sequence);
	r = xcb_source_await(source,
		xcb_randr_get_screen_resources_current(c, root).sequence, handle_resources, self);
	if (r < 0) {
		free(self);
		return r;
	}
	*ret = self;
	return 0;
}

void randr_destroy(struct randr *self)
{
	if (!self)
		return;
	xcb_source_forget(self->source, self);
	free(self);
}
