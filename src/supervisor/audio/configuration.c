/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/audio/configuration.h"

#include <errno.h>

#include "base/flavour.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "supervisor/audio/place.h"
#include "supervisor/audio/template.h"
#include "supervisor/supervisor.h"

/* Lets programs in once the sink is there; see packaging/audio/sink-first.lua.template. */
#define DOORMAN "sink-first.lua"

/* What pipewire.conf's $access is when somebody is there to give permissions. */
#define EVERYBODY_WAITS "access.allowed = [ wireplumber ] access.force = waiting"

/* The first three are the contract's; the others are for our own templates. */
enum variable {
	VARIABLE_INSTANCE,
	VARIABLE_PATH,
	VARIABLE_SINK,
	VARIABLE_PROFILE,
	VARIABLE_ACCESS,
	N_VARIABLES,
};

struct templates {
	const char *directories[4];
	char *ours, *ours_in_build;
	struct template_variable variables[N_VARIABLES + 1];
};

static int templates_init(
	struct templates *self, const struct supervisor *supervisor, const struct place *place)
{
	size_t n = 0;

	*self = (struct templates){
		.variables = {
			[VARIABLE_INSTANCE] = { "instance_name", place->instance },
			[VARIABLE_PATH] = { "runtime_path", place->directory },
			[VARIABLE_SINK] = { "sink_name", supervisor->flavour->audio_sink },
			[VARIABLE_PROFILE] = { "profile", supervisor->flavour->name },
			[VARIABLE_ACCESS] = { "access", "" },
		},
	};
	self->ours = mem_printf("%s/../../share/afar/audio", supervisor->program_dir);
	self->ours_in_build = mem_printf("%s/../packaging/audio", supervisor->program_dir);
	if (!self->ours || !self->ours_in_build)
		return -ENOMEM;
	if (supervisor->script_dir)
		self->directories[n++] = supervisor->script_dir;
	self->directories[n++] = self->ours;
	self->directories[n++] = self->ours_in_build;
	return 0;
}

static void cleanup_templates(struct templates *self)
{
	free(self->ours);
	free(self->ours_in_build);
}

/* Makes the file @as of the template @name; @ret_text, finished by the caller, is what is in
 * it. */
static int make(const struct templates *self, const struct place *place, const char *name,
	const char *as, struct strbuf *ret_text)
{
	CLEANUP(free) char *text = NULL;
	size_t n;
	int r;

	r = template_read(self->directories, name, &text, &n);
	if (r == 0)
		r = template_fill(text, n, self->variables, ret_text);
	if (r < 0)
		return r;
	return place_write(place, as, ret_text->text ? ret_text->text : "", ret_text->length);
}

static int make_plain(const struct templates *self, const struct place *place, const char *name)
{
	CLEANUP(strbuf) struct strbuf text = { 0 };

	return make(self, place, name, name, &text);
}

static int make_wireplumber(struct templates *self, const struct place *place)
{
	CLEANUP(strbuf) struct strbuf text = { 0 };
	int r = make(self, place, "wireplumber.conf", "wireplumber.conf", &text);

	/* With a template that is not ours nobody would let anybody in. */
	if (r == 0 && text.text && strstr(text.text, DOORMAN)) {
		self->variables[VARIABLE_ACCESS].value = EVERYBODY_WAITS;
		r = make_plain(self, place, DOORMAN);
	}
	return r;
}

/* A fragment with a profile, where XDG_DATA_DIRS makes WirePlumber look (N-7). */
static int make_profile(const struct templates *self, const struct place *place)
{
	CLEANUP(strbuf) struct strbuf text = { 0 };
	CLEANUP(free) char *directory =
		mem_printf("%s/wireplumber/wireplumber.conf.d", place->directory);
	int r;

	if (!directory)
		return -ENOMEM;
	r = sys_make_dirs(directory);
	if (r < 0)
		return r;
	return make(self, place, "wireplumber-profile.conf",
		"wireplumber/wireplumber.conf.d/profile.conf", &text);
}

int configuration_write(const struct supervisor *supervisor, const struct place *place,
	enum probe_manager manager)
{
	CLEANUP(templates) struct templates templates;
	int r = templates_init(&templates, supervisor, place);

	if (r < 0)
		return r;
	switch (manager) {
	case PROBE_WIREPLUMBER:
		r = make_wireplumber(&templates, place);
		break;
	case PROBE_WIREPLUMBER_PROFILES:
		r = make_profile(&templates, place);
		break;
	case PROBE_MEDIA_SESSION:
		r = make_plain(&templates, place, "pipewire-media-session.conf");
		break;
	}
	if (r == 0)
		r = make_plain(&templates, place, "pipewire.conf");
	if (r == 0)
		r = make_plain(&templates, place, "pipewire-pulse.conf");
	return r;
}
