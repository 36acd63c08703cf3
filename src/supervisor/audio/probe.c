/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/audio/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/program.h"
#include "supervisor/audio/query.h"
#include "supervisor/audio/release.h"

#define LIMIT_USEC (1 * USEC_PER_SEC)

#define MIN_PIPEWIRE "0.3.53"
#define MIN_PROFILES "0.5"

struct probe {
	struct query *pipewire, *wireplumber;
	bool asks_pipewire, asks_wireplumber; /* no answer yet */
	struct probe_result result;
	probe_done_fn done;
	void *data;
};

#define refuse(format, ...)                                                                    \
 log_warning(format ". Not enabling PipeWire audio support." __VA_OPT__(, ) __VA_ARGS__)

static bool is_at_least(const struct release *release, const char *text)
{
	struct release minimum;

	return release_parse(text, &minimum) == 0 && release_compare(release, &minimum) >= 0;
}

static bool pipewire_is_usable(const char *output)
{
	struct release release;
	int r;

	if (!output) {
		refuse("pipewire --version failed, or gave no answer within a second");
		return false;
	}
	r = release_find(output, "pipewire", &release);
	if (r == -EINVAL)
		refuse("the version that pipewire --version tells is none");
	else if (r < 0)
		refuse("pipewire --version does not tell a version");
	else if (!is_at_least(&release, MIN_PIPEWIRE))
		refuse("pipewire is older than %s", MIN_PIPEWIRE);
	return r == 0 && is_at_least(&release, MIN_PIPEWIRE);
}

static enum probe_manager wireplumber_kind(const char *output)
{
	struct release release;

	if (!output || release_find(output, "wireplumber", &release) < 0) {
		log_warning(
			"wireplumber does not tell its version: it is taken for one before %s",
			MIN_PROFILES);
		return PROBE_WIREPLUMBER;
	}
	return is_at_least(&release, MIN_PROFILES) ? PROBE_WIREPLUMBER_PROFILES
						   : PROBE_WIREPLUMBER;
}

static void tell_when_all_is_known(struct probe *self)
{
	if (!self->asks_pipewire && !self->asks_wireplumber)
		self->done(self->data, &self->result);
}

static void handle_pipewire(void *data, const char *output)
{
	struct probe *self = data;

	self->asks_pipewire = false;
	self->result.usable = pipewire_is_usable(output);
	tell_when_all_is_known(self);
}

static void handle_wireplumber(void *data, const char *output)
{
	struct probe *self = data;

	self->asks_wireplumber = false;
	self->result.manager = wireplumber_kind(output);
	tell_when_all_is_known(self);
}

int probe_create(struct probe **ret, sd_event *event, probe_done_fn done, void *data,
	bool *ret_known, struct probe_result *ret_result)
{
	bool has_wireplumber = program_exists("wireplumber");
	struct probe *self;
	int r = 0;

	if (!program_exists("pipewire"))
		refuse("pipewire is not installed");
	else if (!has_wireplumber && !program_exists("pipewire-media-session"))
		refuse("neither wireplumber nor pipewire-media-session is installed");
	else
		r = 1;
	if (r == 0) {
		*ret = NULL;
		*ret_known = true;
		*ret_result = (struct probe_result){ 0 };
		return 0;
	}
	self = mem_new(struct probe);
	if (!self)
		return -ENOMEM;
	*self = (struct probe){
		.asks_pipewire = true,
		.asks_wireplumber = has_wireplumber,
		.result.manager = PROBE_MEDIA_SESSION,
		.done = done,
		.data = data,
	};
	r = query_create(&self->pipewire, event, "pipewire", "--version", LIMIT_USEC,
		handle_pipewire, self);
	if (r == 0 && has_wireplumber)
		r = query_create(&self->wireplumber, event, "wireplumber", "--version",
			LIMIT_USEC, handle_wireplumber, self);
	if (r < 0) {
		probe_destroy(self);
		return r;
	}
	*ret = self;
	*ret_known = false;
	return 0;
}

void probe_destroy(struct probe *self)
{
	if (!self)
		return;
	query_destroy(self->pipewire);
	query_destroy(self->wireplumber);
	free(self);
}
