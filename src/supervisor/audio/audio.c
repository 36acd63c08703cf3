/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/audio/audio.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/keeper-socket.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "supervisor/audio/configuration.h"
#include "supervisor/audio/fallback.h"
#include "supervisor/audio/place.h"
#include "supervisor/audio/probe.h"
#include "supervisor/stale.h"
#include "supervisor/child.h"
#include "supervisor/keeper.h"
#include "supervisor/record.h"
#include "supervisor/supervisor.h"

#define LISTEN_FD 3 /* SD_LISTEN_FDS_START */
#define ARGV_MAX 4
/* Sound takes as many as all the rest: where there are few the desktop goes first (RES-03). */
#define DESCRIPTORS_WANTED 47

enum mode {
	MODE_NONE,      /* there is no sound */
	MODE_UNSETTLED, /* the programs are being asked */
	MODE_PIPEWIRE,
	MODE_PULSE, /* a PulseAudio that others start */
};

struct part {
	struct audio *audio;
	struct child child;
	const char *argv[ARGV_MAX];
	char *path; /* of its configuration, in argv */
	int socket; /* where its clients connect; -1: nowhere */
};

struct audio {
	struct supervisor *supervisor; /* borrowed */
	enum mode mode;
	struct place place;
	struct probe *probe;
	enum probe_manager manager;
	struct stale *stale;
	bool waits_for_stale;
	struct part parts[AUDIO_N_PARTS];
	sd_event_source *watch; /* for the fifo */

	/* How the first of them ended, while the others are ending. */
	bool is_ending;
	int end_code, end_status;
};

static const char *const part_names[AUDIO_N_PARTS] = {
	[AUDIO_PIPEWIRE] = "pipewire",
	[AUDIO_PULSE] = "pipewire-pulse",
	[AUDIO_SESSION_MANAGER] = "session-manager",
};

static const char *const manager_names[] = {
	[PROBE_WIREPLUMBER] = "wireplumber",
	[PROBE_WIREPLUMBER_PROFILES] = "wireplumber",
	[PROBE_MEDIA_SESSION] = "pipewire-media-session",
};

static void kept_name(const struct part *part, char ret[KEEPER_NAME_MAX])
{
	snprintf(ret, KEEPER_NAME_MAX, "audio-%s", part->child.name);
}

static void close_socket(struct part *part)
{
	char name[KEEPER_NAME_MAX];

	if (part->socket < 0)
		return;
	kept_name(part, name);
	part->socket = fd_close(part->socket);
	keeper_drop(part->audio->supervisor->handover.keeper, name);
}

static void close_sockets(struct audio *self)
{
	for (int i = 0; i < AUDIO_N_PARTS; i++)
		close_socket(&self->parts[i]);
	unlink(self->place.socket);
	unlink(self->place.pulse_socket);
}

static void use_pulse(struct audio *self)
{
	int r;

	close_sockets(self);
	self->mode = MODE_PULSE;
	r = fallback_write(&self->place, self->supervisor->flavour->audio_sink);
	if (r < 0)
		log_error("cannot write the configuration of PulseAudio: %s", strerror(-r));
}

/* The command lines, word by word: others look for them, AUDIO-7, AUDIO-8. */
static int make_argvs(struct audio *self)
{
	const char *manager = manager_names[self->manager];
	const char *const files[AUDIO_N_PARTS] = {
		[AUDIO_PIPEWIRE] = "pipewire",
		[AUDIO_PULSE] = "pipewire-pulse",
		[AUDIO_SESSION_MANAGER] = manager,
	};

	for (int i = 0; i < AUDIO_N_PARTS; i++) {
		struct part *part = &self->parts[i];

		part->path = mem_printf("%s/%s.conf", self->place.directory, files[i]);
		if (!part->path)
			return -ENOMEM;
		part->argv[0] = i == AUDIO_SESSION_MANAGER ? manager : "pipewire";
		part->argv[1] = "-c";
		part->argv[2] = part->path;
	}
	if (self->manager == PROBE_WIREPLUMBER_PROFILES) {
		self->parts[AUDIO_SESSION_MANAGER].argv[1] = "--profile";
		self->parts[AUDIO_SESSION_MANAGER].argv[2] = self->supervisor->flavour->name;
	}
	return 0;
}

/* The one of a predecessor, whom clients may be waiting for, or a new one. */
static int open_socket(struct part *part, const char *path)
{
	struct keeper *keeper = part->audio->supervisor->handover.keeper;
	char name[KEEPER_NAME_MAX];

	kept_name(part, name);
	part->socket = keeper_take(keeper, name);
	if (part->socket >= 0)
		return 0;
	part->socket = place_listen(path);
	if (part->socket < 0)
		return part->socket;
	keeper_keep(keeper, name, part->socket);
	return 0;
}

static int use_pipewire(struct audio *self)
{
	int r = make_argvs(self);

	if (r == 0)
		r = open_socket(&self->parts[AUDIO_PIPEWIRE], self->place.socket);
	if (r == 0)
		r = open_socket(&self->parts[AUDIO_PULSE], self->place.pulse_socket);
	if (r == 0)
		self->mode = MODE_PIPEWIRE;
	return r;
}

static void settle(struct audio *self, const struct probe_result *result)
{
	int r = -ENOENT;

	if (result->usable) {
		self->manager = result->manager;
		r = use_pipewire(self);
		if (r < 0)
			log_error("cannot prepare PipeWire: %s", strerror(-r));
	}
	if (r < 0)
		use_pulse(self);
}

static void handle_probe(void *data, const struct probe_result *result)
{
	struct audio *self = data;

	settle(self, result);
	supervisor_event(self->supervisor, POLICY_IS_SETTLED, POLICY_AUDIO, false);
}

/* All have ended. */
static void finish_run(struct audio *self)
{
	struct supervisor *supervisor = self->supervisor;

	self->watch = sd_event_source_unref(self->watch);
	if (self->mode != MODE_PIPEWIRE) {
		supervisor_event(supervisor, POLICY_IS_ABSENT, POLICY_AUDIO, false);
		return;
	}
	supervisor_child_ended(
		supervisor, POLICY_AUDIO, self->end_code, self->end_status, false);
	/* Given up: who waits for it waits in vain. */
	if (supervisor->policy.entries[POLICY_AUDIO].state == COMPONENT_FAILED)
		close_sockets(self);
}

static void end_run(struct audio *self, int code, int status)
{
	if (!self->is_ending) {
		self->is_ending = true;
		self->end_code = code;
		self->end_status = status;
	}
	for (int i = AUDIO_N_PARTS - 1; i >= 0; i--)
		child_stop(&self->parts[i].child);
	if (!audio_pid(self->supervisor))
		finish_run(self);
}

static void handle_ended(void *data, int code, int status)
{
	struct part *part = data;
	struct audio *self = part->audio;
	char text[128];

	if (!self->is_ending) {
		child_describe_end(code, status, text, sizeof(text));
		log_warning("%s %s", part->child.name, text);
	}
	end_run(self, code, status);
}

static void is_ready(struct audio *self)
{
	self->watch = sd_event_source_unref(self->watch);
	supervisor_event(self->supervisor, POLICY_IS_READY, POLICY_AUDIO, false);
}

static int handle_created(
	sd_event_source *source, const struct inotify_event *event, void *data)
{
	struct audio *self = data;

	(void)source;
	if (event->len && str_equal(event->name, str_basename(self->place.fifo)))
		is_ready(self);
	return 0;
}

static int set_data_directories(const struct audio *self, struct spawn_env *env)
{
	const char *old = spawn_env_get(env, "XDG_DATA_DIRS");
	CLEANUP(free) char *value = mem_printf("%s:%s", self->place.directory,
		str_empty(old) ? "/usr/local/share:/usr/share" : old);

	if (!value)
		return -ENOMEM;
	return spawn_env_set(env, "XDG_DATA_DIRS", value);
}

static int make_part_env(const struct part *part, struct spawn_env *env)
{
	const struct audio *self = part->audio;
	int r = supervisor_make_env(self->supervisor, env);

	if (r == 0 && part->socket >= 0)
		r = spawn_env_set_listen(env, 1);
	if (r < 0 || part != &self->parts[AUDIO_SESSION_MANAGER])
		return r;
	r = spawn_env_set(env, "MEDIA_SESSION_CONFIG_DIR", "/");
	if (r == 0 && self->manager == PROBE_WIREPLUMBER_PROFILES)
		r = set_data_directories(self, env);
	return r;
}

static int start_part(struct part *part)
{
	struct supervisor *supervisor = part->audio->supervisor;
	struct outlog_stream *output = &supervisor->components[POLICY_AUDIO].output;
	CLEANUP(spawn_env) struct spawn_env env = { 0 };
	struct spawn spawn = { .argv = part->argv, .directory = supervisor->paths.home };
	int r = make_part_env(part, &env);

	if (r < 0)
		return r;
	spawn.envp = (const char *const *)env.vars;
	if (part->socket >= 0) {
		spawn_map(&spawn, part->socket, LISTEN_FD);
		spawn.sets_listen_pid = true;
	}
	/* They share a stream; the pipe that is opened now keeps this name. */
	output->name = part->child.name;
	return child_start(&part->child, &spawn, output);
}

static int watch_fifo(struct audio *self)
{
	return sd_event_add_inotify(self->supervisor->event, &self->watch, self->place.directory,
		IN_CREATE, handle_created, self);
}

static int start_parts(struct audio *self)
{
	int r;

	/* What is left of a run that was killed would be taken for the new one's. */
	unlink(self->place.fifo);
	r = watch_fifo(self);
	if (r >= 0)
		r = configuration_write(self->supervisor, &self->place, self->manager);
	for (int i = 0; i < AUDIO_N_PARTS && r >= 0; i++)
		r = start_part(&self->parts[i]);
	return r;
}

static void launch(struct audio *self)
{
	int r = start_parts(self);

	if (r >= 0)
		return;
	/* AUDIO-9. */
	log_error("cannot start PipeWire, sound is left to PulseAudio: %s", strerror(-r));
	use_pulse(self);
	end_run(self, CLD_EXITED, 0);
}

static void handle_stale_gone(void *data)
{
	struct audio *self = data;

	self->waits_for_stale = false;
	launch(self);
}

int audio_start(struct supervisor *supervisor, char *text, size_t size)
{
	struct audio *self = supervisor->audio;
	const char *const *argvs[AUDIO_N_PARTS];
	int r;

	(void)text;
	(void)size;
	if (self->mode != MODE_PIPEWIRE) {
		supervisor_event(supervisor, POLICY_IS_ABSENT, POLICY_AUDIO, false);
		return 0;
	}
	for (int i = 0; i < AUDIO_N_PARTS; i++)
		argvs[i] = self->parts[i].argv;
	stale_destroy(self->stale);
	self->stale = NULL;
	self->is_ending = false;
	r = stale_end(
		&self->stale, supervisor->event, argvs, AUDIO_N_PARTS, handle_stale_gone, self);
	if (r < 0)
		log_warning("cannot look for what an earlier desktop left: %s", strerror(-r));
	self->waits_for_stale = self->stale;
	if (!self->waits_for_stale)
		launch(self);
	return 0;
}

void audio_stop(struct supervisor *supervisor)
{
	struct audio *self = supervisor->audio;

	if (self->waits_for_stale) {
		stale_destroy(self->stale);
		self->stale = NULL;
		self->waits_for_stale = false;
	}
	end_run(self, CLD_EXITED, 0);
}

/* A predecessor's sockets lie there, and what runs has been configured by its files. */
static bool is_place_kept(const struct audio *self)
{
	const json_t *from = handover_part(&self->supervisor->handover, "audio");
	json_int_t mode = record_integer(from, "mode", MODE_NONE);

	return (mode == MODE_PIPEWIRE || mode == MODE_PULSE)
		&& access(self->place.directory, F_OK) == 0;
}

/* What a predecessor found out is not asked again: it would take a while. */
static bool is_known_already(struct audio *self)
{
	const json_t *from = handover_part(&self->supervisor->handover, "audio");
	struct probe_result result = { .usable = true };
	json_int_t manager = record_integer(from, "manager", -1);

	switch (record_integer(from, "mode", MODE_UNSETTLED)) {
	case MODE_PIPEWIRE:
		if (manager < 0 || (size_t)manager >= ARRAY_SIZE(manager_names)
			|| !manager_names[manager])
			return false;
		result.manager = (enum probe_manager)manager;
		settle(self, &result);
		return true;
	case MODE_PULSE:
		use_pulse(self);
		return true;
	default:
		return false;
	}
}

static void start_probe(struct audio *self)
{
	struct probe_result result = { 0 };
	bool is_known = true;
	int r;

	if (is_known_already(self))
		return;
	self->mode = MODE_UNSETTLED;
	r = probe_create(
		&self->probe, self->supervisor->event, handle_probe, self, &is_known, &result);
	if (r < 0)
		log_warning(
			"cannot ask for PipeWire's version: %s. Not enabling PipeWire audio "
			"support.",
			strerror(-r));
	if (r < 0 || is_known)
		settle(self, &result);
}

int audio_create(struct audio **ret, struct supervisor *supervisor)
{
	const char *host_id = json_string_value(json_object_get(supervisor->config, "host_id"));
	struct audio *self = mem_new(struct audio);
	int r;

	if (!self)
		return -ENOMEM;
	self->supervisor = supervisor;
	for (int i = 0; i < AUDIO_N_PARTS; i++) {
		struct part *part = &self->parts[i];

		child_init(&part->child, &supervisor->family, part_names[i], handle_ended, part);
		part->audio = self;
		part->socket = -1;
	}
	*ret = self;
	/* Another's display has its own sound. */
	if (supervisor->settings.display == SETTINGS_DISPLAY_ATTACH)
		return 0;
	if (fd_within_limit(DESCRIPTORS_WANTED) != DESCRIPTORS_WANTED) {
		log_warning("there is no sound: the limit of descriptors is below %d",
			DESCRIPTORS_WANTED + 1);
		return 0;
	}
	r = place_init(&self->place, supervisor->flavour, &supervisor->paths, host_id);
	if (r == -ENAMETOOLONG)
		log_error("there is no sound: audio UNIX socket path is too long");
	else if (r < 0)
		log_error("there is no sound: it has no name without a host_id");
	if (r == 0) {
		r = is_place_kept(self) ? 0 : place_make(&self->place);
		if (r < 0)
			log_error("there is no sound: cannot make %s: %s",
				self->place.directory, strerror(-r));
	}
	if (r == 0)
		start_probe(self);
	return 0;
}

void audio_destroy(struct audio *self)
{
	if (!self)
		return;
	probe_destroy(self->probe);
	stale_destroy(self->stale);
	self->watch = sd_event_source_unref(self->watch);
	for (int i = 0; i < AUDIO_N_PARTS; i++) {
		child_finish(&self->parts[i].child);
		fd_close(self->parts[i].socket);
		free(self->parts[i].path);
	}
	if (self->mode != MODE_NONE)
		place_remove(&self->place);
	free(self);
}

pid_t audio_pid_of(const struct supervisor *supervisor, enum audio_part part)
{
	return supervisor->audio->parts[part].child.pid;
}

pid_t audio_pid(const struct supervisor *supervisor)
{
	for (int i = 0; i < AUDIO_N_PARTS; i++) {
		if (supervisor->audio->parts[i].child.pid)
			return supervisor->audio->parts[i].child.pid;
	}
	return 0;
}

json_t *audio_save(const struct supervisor *supervisor)
{
	const struct audio *self = supervisor->audio;

	return json_pack("{s:i, s:i}", "mode", (int)self->mode, "manager", (int)self->manager);
}

/* The parts that live are known already; one that ended meanwhile ends the others. */
void audio_adopt(struct supervisor *supervisor, const json_t *from)
{
	struct audio *self = supervisor->audio;
	enum component_state state = supervisor->policy.entries[POLICY_AUDIO].state;
	bool are_all = true;

	(void)from;
	if (!audio_pid(supervisor) || state == COMPONENT_STOPPING)
		return;
	for (int i = 0; i < AUDIO_N_PARTS; i++)
		are_all &= self->parts[i].child.pid != 0;
	if (!are_all) {
		end_run(self, CLD_EXITED, 0);
		return;
	}
	if (state != COMPONENT_STARTING)
		return;
	if (watch_fifo(self) < 0)
		end_run(self, CLD_EXITED, 0);
	else if (access(self->place.fifo, F_OK) == 0)
		is_ready(self);
}

bool audio_is_settled(const struct audio *self)
{
	return self->mode != MODE_UNSETTLED;
}

int audio_make_env(const struct audio *self, struct spawn_env *env)
{
	bool is_pipewire = self->mode == MODE_PIPEWIRE, is_pulse = self->mode == MODE_PULSE;
	const struct {
		const char *name, *value;
	} vars[] = {
		{ "PULSE_RUNTIME_PATH", self->place.directory },
		{ "PULSE_SINK", self->supervisor->flavour->audio_sink },
		{ "PIPEWIRE_REMOTE", is_pipewire ? self->place.instance : NULL },
		{ "PULSE_CONFIG_PATH", is_pulse ? self->place.directory : NULL },
		{ "PULSE_STATE_PATH", is_pulse ? self->place.directory : NULL },
		/* They lead to the desktop in whose terminal we were started (D-11). */
		{ "PULSE_SERVER", NULL },
		{ "PULSE_SOURCE", NULL },
		{ "PIPEWIRE_RUNTIME_DIR", NULL },
		{ "PIPEWIRE_CORE", NULL },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(vars) && r == 0 && self->mode != MODE_NONE; i++)
		r = spawn_env_set(env, vars[i].name, vars[i].value);
	return r;
}

const char *audio_fifo(const struct audio *self)
{
	return self->mode == MODE_NONE ? NULL : self->place.fifo;
}
