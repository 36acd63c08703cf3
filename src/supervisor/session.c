/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/session.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/program.h"
#include "base/str.h"
#include "base/trusted.h"
#include "supervisor/child.h"
#include "supervisor/display/display.h"
#include "supervisor/ice.h"
#include "supervisor/record.h"
#include "supervisor/session-script.h"
#include "supervisor/supervisor.h"
#include "wire/text.h"

/* A session that never says that it is ready is taken to be, this long after its start … */
#define QUIET_USEC (10 * USEC_PER_SEC)
/* … or after its first window. */
#define WINDOW_USEC (1 * USEC_PER_SEC)

struct session {
	struct supervisor *supervisor; /* borrowed */
	struct child child;
	sd_event_source *ready_timer;
	struct display_watch watch;
	char text[1024];

	/* How it ended, while we ask whether the display is to blame. */
	int end_code, end_status;
};

static void is_ready(struct session *self)
{
	if (!self->ready_timer)
		return;
	self->ready_timer = sd_event_source_unref(self->ready_timer);
	supervisor_event(self->supervisor, POLICY_IS_READY, POLICY_SESSION, false);
}

static int handle_ready_time(sd_event_source *source, uint64_t usec, void *data)
{
	(void)source;
	(void)usec;
	is_ready(data);
	return 0;
}

static void handle_window_manager(void *data)
{
	is_ready(data);
}

static void handle_window(void *data)
{
	struct session *self = data;

	if (self->ready_timer)
		sd_event_source_set_time_relative(self->ready_timer, WINDOW_USEC);
}

static void handle_blame(void *data, bool alive)
{
	struct session *self = data;

	supervisor_child_ended(self->supervisor, POLICY_SESSION, self->end_code, self->end_status,
		!alive);
}

static void handle_ended(void *data, int code, int status)
{
	struct session *self = data;

	ice_remove_stale();
	self->ready_timer = sd_event_source_unref(self->ready_timer);
	self->end_code = code;
	self->end_status = status;
	display_check(self->supervisor->display, DISPLAY_BLAME_USEC, handle_blame, self);
}

int session_create(struct session **ret, struct supervisor *supervisor)
{
	struct session *self = mem_new(struct session);

	if (!self)
		return -ENOMEM;
	self->supervisor = supervisor;
	child_init(&self->child, &supervisor->family, "session", handle_ended, self);
	self->watch = (struct display_watch){
		.window_manager = handle_window_manager,
		.window = handle_window,
		.data = self,
	};
	display_set_watch(supervisor->display, &self->watch);
	*ret = self;
	return 0;
}

void session_destroy(struct session *self)
{
	if (!self)
		return;
	self->ready_timer = sd_event_source_unref(self->ready_timer);
	child_finish(&self->child);
	free(self);
}

/* The first file of the flavour's list that exists; its path in @path. */
static bool find_file(const struct supervisor *supervisor, char *path, size_t size)
{
	for (const char *const *file = supervisor->flavour->session_files; *file; file++) {
		if (**file == '/')
			snprintf(path, size, "%s", *file);
		else
			snprintf(path, size, "%s/%s", supervisor->paths.home, *file);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

/* Our own: beside the programs when installed, in the build directory otherwise. */
static bool find_own(const struct supervisor *supervisor, char *path, size_t size)
{
	static const char *const places[] = {
		"../../share/afar/session/session",
		"../packaging/session/session",
	};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(path, size, "%s/%s", supervisor->program_dir, places[i]);
		if (access(path, R_OK) == 0)
			return true;
	}
	return false;
}

/*
 * What the distribution starts by default. Debian's openbox registers itself there, bare, without
 * a panel or a terminal: then ours, which is openbox too, serves better.
 */
static bool find_default(char *path, size_t size)
{
	char real[PATH_MAX];

	if (!program_find("x-session-manager", path, size))
		return false;
	return realpath(path, real) && !str_equal(str_basename(real), "openbox-session");
}

/* What runs, with what of it is allocated. */
struct choice {
	const char *argv[SESSION_SCRIPT_ARGS];
	struct session_script script;
	char *text;
};

static void choice_finish(struct choice *self)
{
	session_script_finish(&self->script);
	free(self->text);
}

/* An executable file, whose path is taken over. */
static int choose_program(struct choice *self, char *path, const char *argument)
{
	self->text = path;
	self->argv[0] = path;
	self->argv[1] = argument;
	return path ? 0 : -ENOMEM;
}

static int choose_script(struct choice *self, const char *path)
{
	int r = session_script_init(&self->script, path);

	if (r == 0)
		memcpy(self->argv, self->script.argv, sizeof(self->argv));
	return r;
}

/* SESS-1: the one that the user picks, from a list that the host's program shows. */
static int choose_by_dialog(const struct supervisor *supervisor, struct choice *ret)
{
	char *path = mem_printf(
		"%s/%s", supervisor->script_dir, supervisor->flavour->host_program);

	return choose_program(ret, path, "--type=xsession_chooser");
}

static int choose_by_own_dialog(const struct supervisor *supervisor, struct choice *ret)
{
	return choose_program(ret, mem_printf("%s/afar-chooser", supervisor->program_dir), NULL);
}

static int choose(const struct supervisor *supervisor, struct choice *ret, char **ret_why)
{
	char path[4096];

	if (str_equal(supervisor->settings.session, SETTINGS_SESSION_CHOOSE))
		return choose_by_own_dialog(supervisor, ret);
	if (supervisor->settings.session[0]) {
		ret->argv[0] = "/bin/sh";
		ret->argv[1] = "-c";
		ret->argv[2] = supervisor->settings.session;
		return 0;
	}
	if (find_file(supervisor, path, sizeof(path))) {
		int r = supervisor->flavour->checks_owners ? trusted_check(path) : 0;

		if (r < 0)
			*ret_why = mem_printf("%s is not run: %s; chown it to yourself and chmod it to go-w",
				path, trusted_why(r));
		return r < 0 ? r : choose_script(ret, path);
	}
	if (supervisor->flavour->chooses_by_dialog)
		return choose_by_dialog(supervisor, ret);
	if (find_default(path, sizeof(path)))
		return choose_program(ret, mem_dup(path, strlen(path)), NULL);
	if (find_own(supervisor, path, sizeof(path)))
		return choose_script(ret, path);
	return -ENOENT;
}

static int launch(struct session *self, const struct choice *choice, char *text, size_t size)
{
	struct supervisor *supervisor = self->supervisor;
	CLEANUP(spawn_env) struct spawn_env env = { 0 };
	struct spawn spawn = { .argv = choice->argv, .directory = supervisor->paths.home };
	int r = supervisor_make_env(supervisor, &env);

	if (r < 0)
		return r;
	spawn.envp = (const char *const *)env.vars;
	for (const char *const *arg = choice->argv; *arg; arg++)
		snprintf(self->text, sizeof(self->text), "%s", *arg);
	session_script_log("Launching X session", choice->argv);
	r = sd_event_add_time_relative(supervisor->event, &self->ready_timer, CLOCK_MONOTONIC,
		QUIET_USEC, 0, handle_ready_time, self);
	if (r >= 0)
		r = child_start(
			&self->child, &spawn, &supervisor->components[POLICY_SESSION].output);
	if (r < 0) {
		self->ready_timer = sd_event_source_unref(self->ready_timer);
		snprintf(text, size, "%s cannot be started: %s", choice->argv[0], strerror(-r));
	}
	return r;
}

int session_start(struct supervisor *supervisor, char *text, size_t size)
{
	CLEANUP(free) char *why = NULL;
	struct choice choice = { 0 };
	int r = choose(supervisor, &choice, &why);

	if (r == 0)
		r = launch(supervisor->session, &choice, text, size);
	else if (why)
		snprintf(text, size, "%s", why);
	else if (r == -ENOENT)
		snprintf(text, size,
			"there is no session to start: write one into ~/.config/afar/session, or "
			"install a desktop such as xfce4");
	choice_finish(&choice);
	return r;
}

void session_stop(struct supervisor *supervisor)
{
	struct session *self = supervisor->session;

	self->ready_timer = sd_event_source_unref(self->ready_timer);
	child_stop(&self->child);
}

pid_t session_pid(const struct supervisor *supervisor)
{
	return supervisor->session->child.pid;
}

json_t *session_save(const struct supervisor *supervisor)
{
	return json_pack("{s:o}", "text", text_to_json(supervisor->session->text));
}

/* Its window manager may have come while nobody watched. */
void session_adopt(struct supervisor *supervisor, const json_t *from)
{
	struct session *self = supervisor->session;

	snprintf(self->text, sizeof(self->text), "%s", record_text(from, "text"));
	if (!self->child.pid)
		ice_remove_stale();
	if (supervisor->policy.entries[POLICY_SESSION].state == COMPONENT_STARTING)
		sd_event_add_time_relative(supervisor->event, &self->ready_timer, CLOCK_MONOTONIC,
			WINDOW_USEC, 0, handle_ready_time, self);
}

const char *session_text(const struct session *self)
{
	return self->text;
}
