/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/display/display.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "loop/limit.h"
#include "loop/xcb-connect.h"
#include "supervisor/child.h"
#include "supervisor/display/attach.h"
#include "supervisor/display/authority.h"
#include "supervisor/display/setup.h"
#include "supervisor/display/user-authority.h"
#include "supervisor/ready-line.h"
#include "supervisor/record.h"
#include "supervisor/supervisor.h"

#define READY_FD 3
#define READY_LINE "ready-display" /* with the guard */
#define N_NUMBERS 1000
/* A server that accepts nobody after this time is a failure (XINIT-1). */
#define START_LIMIT_USEC (10 * USEC_PER_SEC)

struct display {
	struct supervisor *supervisor; /* borrowed */
	struct attach *attach; /* instead of all that follows; NULL: a display of our own */
	const struct display_impl *impl;
	bool may_fall_back;
	struct child child;
	struct ready_line ready_line;
	struct limit start_limit;
	struct xcb_connecting *connecting;
	struct setup *setup;
	const struct display_watch *watch; /* borrowed */
	char *authority; /* ours alone, or the user's, which has others' entries */
	bool authority_has_entry; /* of a display of this number, in the user's */
	unsigned number;
	char name[16];
	bool was_up; /* the server itself said that it is ready, in this run */
	bool is_ready;
	bool is_stopping;
};

void display_argv_add(struct display_argv *self, const char *arg)
{
	if (self->n < DISPLAY_ARGV_MAX - 1)
		self->args[self->n++] = arg;
}

static bool socket_answers(const char *path, bool abstract)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	CLEANUP(close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t length;

	if (fd < 0)
		return false;
	snprintf(address.sun_path + abstract, sizeof(address.sun_path) - abstract, "%s", path);
	length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + abstract + strlen(path));
	/* EAGAIN: somebody listens, but has a full queue. */
	return connect(fd, (struct sockaddr *)&address, length) == 0 || errno == EAGAIN;
}

/* Does a server run there, or lie something in the way that is not ours to remove? (N-1) */
static bool number_is_taken(unsigned number)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/tmp/.X11-unix/X%u", number);
	if (socket_answers(path, true) || socket_answers(path, false))
		return true;
	return lstat(path, &st) == 0 && (st.st_uid != geteuid() || !S_ISSOCK(st.st_mode));
}

static bool find_number(struct display *self, unsigned from)
{
	for (unsigned n = from; n < from + N_NUMBERS; n++) {
		if (number_is_taken(n))
			continue;
		self->number = n;
		snprintf(self->name, sizeof(self->name), ":%u", n);
		return true;
	}
	return false;
}

/* A server that was killed leaves its socket behind (D-17). */
static void remove_socket(struct display *self)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/tmp/.X11-unix/X%u", self->number);
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_uid == geteuid()
		&& !socket_answers(path, false))
		unlink(path);
}

static int write_authority(struct display *self)
{
	int r;

	if (!self->supervisor->flavour->authority_file)
		return authority_write(self->authority, self->number);
	r = user_authority_add(self->authority, self->number);
	if (r == 0)
		self->authority_has_entry = true;
	return r;
}

static void remove_authority(struct display *self)
{
	if (!self->supervisor->flavour->authority_file)
		unlink(self->authority);
	else if (self->authority_has_entry)
		user_authority_remove(self->authority, self->number);
	self->authority_has_entry = false;
}

static void clear_run(struct display *self)
{
	self->is_ready = false;
	limit_stop(&self->start_limit);
	xcb_connect_cancel(TAKE_PTR(self->connecting));
	ready_line_close(&self->ready_line);
	setup_destroy(self->setup);
	self->setup = NULL;
}

static void handle_setup_done(void *data)
{
	struct display *self = data;

	self->is_ready = true;
	limit_stop(&self->start_limit);
	log_info("%s is ready on display %s", self->impl->name, self->name);
	supervisor_event(self->supervisor, POLICY_IS_READY, POLICY_DISPLAY, false);
}

static void handle_window_manager(void *data)
{
	struct display *self = data;

	if (self->watch)
		self->watch->window_manager(self->watch->data);
}

static void handle_window(void *data)
{
	struct display *self = data;

	if (self->watch)
		self->watch->window(self->watch->data);
}

/* Its own end follows, mostly; a server that only dropped us is of no use either. */
static void handle_broken(void *data)
{
	struct display *self = data;

	child_stop(&self->child);
}

static const struct setup_events setup_events = {
	.done = handle_setup_done,
	.window_manager = handle_window_manager,
	.window = handle_window,
	.broken = handle_broken,
};

static void fail_to_connect(struct display *self, int error)
{
	log_error("cannot connect to display %s: %s", self->name, strerror(-error));
	child_stop(&self->child);
}

static void handle_connected(void *data, int error, xcb_connection_t *connection, int screen)
{
	struct display *self = data;

	(void)screen;
	self->connecting = NULL;
	if (!error)
		error = setup_create(&self->setup, self->supervisor->event, connection,
			self->impl, &self->supervisor->settings, self->is_ready, &setup_events,
			self);
	if (error)
		fail_to_connect(self, error);
}

/* A server that does not answer then is the business of the limit of its start, or the watchdog's. */
static void connect_to_server(struct display *self)
{
	int r = xcb_connect_start(&self->connecting, self->supervisor->event, self->name,
		self->authority, USEC_NEVER, handle_connected, self);

	if (r < 0)
		fail_to_connect(self, r);
}

/* The line has the number that we chose; what counts is that it came. */
static void handle_ready_line(void *data, const char *line)
{
	struct display *self = data;

	(void)line;
	log_info("X server is active.");
	self->was_up = true;
	handover_touch(self->supervisor);
	connect_to_server(self);
}

static void handle_start_limit(void *data)
{
	struct display *self = data;

	log_error("%s does not become ready on display %s", self->impl->name, self->name);
	child_stop(&self->child);
}

static int limit_launch(struct display *self)
{
	return limit_start(&self->start_limit, self->supervisor->event, START_LIMIT_USEC,
		handle_start_limit, self);
}

/*
 * Xorg asks for the system bus every 10 s for ever when there is none, as in a container, and
 * wakes us with a line of log each time. Any bus will do: ours.
 */
static int calm_about_bus(const struct supervisor *supervisor, struct spawn_env *env)
{
	CLEANUP(strbuf) struct strbuf address = { 0 };

	if (access("/run/dbus/system_bus_socket", F_OK) == 0
		|| spawn_env_get(env, "DBUS_SYSTEM_BUS_ADDRESS"))
		return 0;
	strbuf_printf(&address, "unix:path=");
	str_escape_address(&address, supervisor->paths.runtime_dir);
	strbuf_printf(&address, "/bus");
	return address.failed ? -ENOMEM
			      : spawn_env_set(env, "DBUS_SYSTEM_BUS_ADDRESS", address.text);
}

static int launch_server(struct display *self, char *text, size_t size)
{
	struct supervisor *supervisor = self->supervisor;
	CLEANUP(spawn_env) struct spawn_env env = { 0 };
	CLEANUP(close) int ready_fd = -1;
	struct display_argv argv = { 0 };
	struct display_launch how = {
		.name = self->name,
		.authority = self->authority,
		.directory = supervisor->paths.runtime_dir,
		.ready_fd = READY_FD,
		.settings = &supervisor->settings,
	};
	struct spawn spawn = { .argv = argv.args, .directory = "/" };
	int r;

	r = write_authority(self);
	if (r < 0) {
		snprintf(text, size, "the display's entry cannot be written to %s: %s",
			self->authority, strerror(-r));
		return r;
	}
	r = self->impl->prepare(&how, &argv);
	if (r < 0) {
		snprintf(text, size, "files for the X server cannot be written in %s: %s",
			supervisor->paths.runtime_dir, strerror(-r));
		return r;
	}
	for (const char *const *option = supervisor->x_options; *option; option++)
		display_argv_add(&argv, *option);
	r = supervisor_make_env(supervisor, &env);
	if (r == 0)
		r = spawn_env_set(&env, "TMPDIR", NULL); /* ENV-7 */
	if (r == 0)
		r = calm_about_bus(supervisor, &env);
	if (r == 0)
		r = ready_line_open(&self->ready_line, supervisor->event,
			supervisor->handover.keeper, READY_LINE, &ready_fd, handle_ready_line, self);
	if (r < 0)
		return r;
	spawn.envp = (const char *const *)env.vars;
	spawn_map(&spawn, ready_fd, READY_FD);
	log_info("Starting %s on display %s", argv.args[0], self->name);
	r = child_start(
		&self->child, &spawn, &supervisor->components[POLICY_DISPLAY].output);
	if (r < 0) {
		snprintf(text, size, "%s cannot be started: %s", argv.args[0], strerror(-r));
		return r;
	}
	return limit_launch(self);
}

/* The next attempt may have another number: this one's entry does not stay. */
static int launch(struct display *self, char *text, size_t size)
{
	int r = launch_server(self, text, size);

	if (r < 0 && !self->child.pid)
		remove_authority(self);
	return r;
}

/* After an end before it was ready: the next number, or the other variant. */
static bool try_something_else(struct display *self)
{
	char text[256] = "";

	if (self->is_stopping || self->was_up)
		return false;
	if (number_is_taken(self->number)) {
		if (!find_number(self, self->number + 1))
			return false;
	} else if (self->may_fall_back && self->impl != &display_xvfb
		&& display_xvfb.is_installed()) {
		log_warning("%s cannot start, using Xvfb: see the lines above", self->impl->name);
		self->impl = &display_xvfb;
	} else {
		return false;
	}
	if (launch(self, text, sizeof(text)) < 0) {
		log_error("%s", text);
		clear_run(self);
		return false;
	}
	return true;
}

static void handle_ended(void *data, int code, int status)
{
	struct display *self = data;

	clear_run(self);
	remove_socket(self);
	remove_authority(self);
	if (try_something_else(self))
		return;
	supervisor_child_ended(self->supervisor, POLICY_DISPLAY, code, status, false);
}

static int choose(struct display *self, char **ret_why)
{
	static const struct display_impl *const named[] = {
		[SETTINGS_DISPLAY_XORG] = &display_xorg,
		[SETTINGS_DISPLAY_XVFB] = &display_xvfb,
	};
	enum settings_display wish = self->supervisor->settings.display;

	if (wish == SETTINGS_DISPLAY_ATTACH)
		return attach_create(&self->attach, self->supervisor);
	if (wish == SETTINGS_DISPLAY_AUTO) {
		self->may_fall_back = true;
		self->impl = display_xorg.is_installed() ? &display_xorg : &display_xvfb;
	} else {
		self->impl = named[wish];
	}
	if (self->impl->is_installed())
		return 0;
	*ret_why = xprintf(self->impl == &display_xorg
			? "Xorg with the dummy driver is not installed: install xserver-xorg-core and "
			  "xserver-xorg-video-dummy, or use --display xvfb"
			: "no X server is installed: install xserver-xorg-core and "
			  "xserver-xorg-video-dummy, or xvfb");
	return -ENOENT;
}

int display_create(struct display **ret, struct supervisor *supervisor, char **ret_why)
{
	struct display *self = mem_new(struct display);
	int r;

	if (!self)
		return -ENOMEM;
	self->supervisor = supervisor;
	self->authority = supervisor->flavour->authority_file
		? xprintf("%s/%s", supervisor->paths.home, supervisor->flavour->authority_file)
		: xprintf("%s/xauthority", supervisor->paths.runtime_dir);
	child_init(&self->child, &supervisor->family, "display server", handle_ended, self);
	self->child.leaves_files = true; /* its socket */
	r = choose(self, ret_why);
	if (r < 0) {
		display_destroy(self);
		return r;
	}
	*ret = self;
	return 0;
}

void display_destroy(struct display *self)
{
	if (!self)
		return;
	clear_run(self);
	attach_destroy(self->attach);
	child_finish(&self->child);
	if (self->authority)
		remove_authority(self);
	free(self->authority);
	free(self);
}

int display_start(struct supervisor *supervisor, char *text, size_t size)
{
	struct display *self = supervisor->display;
	int r;

	if (self->attach) {
		attach_start(self->attach);
		return 0;
	}
	log_info("Launching X server and X session.");
	log_info("Setting up and launching session");
	self->is_stopping = false;
	self->was_up = false;
	if (!find_number(self, supervisor->flavour->first_display)) {
		snprintf(text, size, "no display number is free");
		return -EADDRINUSE;
	}
	r = launch(self, text, size);
	if (r < 0)
		clear_run(self);
	return r;
}

void display_stop(struct supervisor *supervisor)
{
	if (supervisor->display->attach) {
		attach_stop(supervisor->display->attach);
		return;
	}
	supervisor->display->is_stopping = true;
	child_stop(&supervisor->display->child);
}

pid_t display_pid(const struct supervisor *supervisor)
{
	return supervisor->display->child.pid;
}

json_t *display_save(const struct supervisor *supervisor)
{
	const struct display *self = supervisor->display;

	return json_pack("{s:s?, s:i, s:b, s:b, s:b}", "impl", self->impl ? self->impl->name : NULL,
		"number", (int)self->number, "was_up", self->was_up, "stopping", self->is_stopping,
		"authority_has_entry", self->authority_has_entry);
}

/* One of another's is looked for anew: there is no process. */
void display_adopt(struct supervisor *supervisor, const json_t *from)
{
	struct display *self = supervisor->display;
	enum component_state state = supervisor->policy.entries[POLICY_DISPLAY].state;
	int r = 0;

	if (self->attach)
		return;
	if (str_equal(record_text(from, "impl"), display_xvfb.name))
		self->impl = &display_xvfb;
	self->number = (unsigned)record_integer(from, "number", 0);
	self->was_up = record_bool(from, "was_up", false);
	self->is_stopping = record_bool(from, "stopping", false);
	self->authority_has_entry = record_bool(from, "authority_has_entry", false);
	snprintf(self->name, sizeof(self->name), ":%u", self->number);
	if (!self->child.pid && self->number) {
		/* It may have ended while nobody watched. */
		remove_socket(self);
		remove_authority(self);
	}
	if (!self->child.pid || self->is_stopping)
		return;
	if (state == COMPONENT_READY) {
		self->is_ready = true;
		connect_to_server(self);
		return;
	}
	r = limit_launch(self);
	if (r >= 0 && !self->was_up)
		r = ready_line_adopt(&self->ready_line, supervisor->event,
			supervisor->handover.keeper, READY_LINE, handle_ready_line, self);
	else if (r >= 0)
		connect_to_server(self);
	if (r < 0)
		child_stop(&self->child);
}

const char *display_name(const struct display *self)
{
	if (self->attach)
		return attach_name(self->attach);
	return self->is_ready ? self->name : NULL;
}

const char *display_authority(const struct display *self)
{
	return self->attach ? attach_authority(self->attach) : self->authority;
}

const char *display_why(const struct display *self)
{
	return self->attach ? attach_why(self->attach) : "the X server does not run";
}

void display_look(struct display *self)
{
	if (self->attach)
		attach_look(self->attach);
}

void display_check(
	struct display *self, usec_t limit, void (*done)(void *data, bool alive), void *data)
{
	if (self->attach)
		attach_check(self->attach, limit, done, data);
	else if (self->setup)
		setup_check(self->setup, limit, done, data);
	else
		done(data, false);
}

void display_set_watch(struct display *self, const struct display_watch *watch)
{
	self->watch = watch;
}
