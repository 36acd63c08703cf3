/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/display/attach.h"

#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "loop/x-socket.h"
#include "loop/xcb-connect.h"
#include "supervisor/display/attach-watch.h"
#include "supervisor/display/candidates.h"
#include "supervisor/display/setup.h"
#include "supervisor/lock.h"
#include "supervisor/supervisor.h"

#define N_ATTEMPTS 64
#define N_NUMBERS 64
#define SOCKETS_MAX (16 * 1024 * 1024)
/* A server that has accepted us says nothing for so long: it is stuck. */
#define ANSWER_LIMIT_USEC (5 * USEC_PER_SEC)
/*
 * Between the socket's appearance and the moment from which on the server answers nothing is
 * told: then we look again after 1 ms, 2 ms, …, 2 s, and no more.
 */
#define FIRST_DELAY_USEC (1 * USEC_PER_MSEC)
#define LAST_DELAY_USEC (2048 * USEC_PER_MSEC)

struct attempt {
	unsigned number;
	char authority[CANDIDATE_SIZE]; /* "": without */
};

/* What was in the way at the last look; of several displays the highest counts. */
enum obstacle {
	NOT_THERE,
	FOREIGN,
	STUCK,
	FULL,
	REFUSED,
};

struct attach {
	struct supervisor *supervisor; /* borrowed */
	unsigned wanted;               /* number, or SETTINGS_DISPLAY_ANY */
	char *user, *runtime;          /* what the places point to */
	struct candidate_places places;

	struct setup *setup; /* the connection; NULL: not attached */
	struct attempt current;
	char name[16];

	/* While it is not. */
	bool is_looking; /* from start to stop */
	bool was_there;
	struct attach_watch *watch;
	sd_event_source *timer;
	usec_t delay; /* of the next look without an event; 0: none */
	struct xcb_connecting *connecting;
	bool is_held; /* @connecting is to a stuck server, until it answers */
	struct attempt attempts[N_ATTEMPTS];
	size_t n_attempts, next;
	enum obstacle obstacle;
	unsigned obstacle_number;
	uid_t obstacle_uid;
	char why[256];
};

/* Names that the sessions of our like have; a server with one of them is a virtual desktop's.
 */
static const char *const session_marks[] = { "AFAR_SESSION", "CHROME_REMOTE_DESKTOP_SESSION",
	NULL };

static void try_next(struct attach *self);

/* --- what is there --- */

struct numbers {
	unsigned list[N_NUMBERS];
	size_t n;
};

static void add_number(struct numbers *self, const char *name)
{
	unsigned number;

	if (name[0] != 'X' || !x_socket_parse_number(name + 1, &number) || self->n == N_NUMBERS)
		return;
	for (size_t i = 0; i < self->n; i++) {
		if (self->list[i] == number)
			return;
	}
	self->list[self->n++] = number;
}

static int compare_numbers(const void *a, const void *b)
{
	const unsigned *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Sockets that are files, and those with an abstract name alone: unix(7), proc_net(5). */
static void list_numbers(struct numbers *self)
{
	CLEANUP(free) char *sockets = NULL;
	DIR *dir = opendir(X_SOCKET_DIRECTORY);
	struct dirent *entry;
	size_t n;

	self->n = 0;
	while (dir && (entry = readdir(dir)))
		add_number(self, entry->d_name);
	if (dir)
		closedir(dir);
	if (sys_read_file("/proc/net/unix", SOCKETS_MAX, &sockets, &n) == 0) {
		for (char *save, *line = strtok_r(sockets, "\n", &save); line;
			line = strtok_r(NULL, "\n", &save)) {
			char *path = strstr(line, "@" X_SOCKET_DIRECTORY "/");

			if (path)
				add_number(self, path + strlen("@" X_SOCKET_DIRECTORY "/"));
		}
	}
	qsort(self->list, self->n, sizeof(self->list[0]), compare_numbers);
}

static void note_obstacle(
	struct attach *self, enum obstacle obstacle, unsigned number, uid_t uid)
{
	if (obstacle <= self->obstacle)
		return;
	self->obstacle = obstacle;
	self->obstacle_number = number;
	self->obstacle_uid = uid;
}

static void add_attempt(struct attach *self, unsigned number, const char *authority)
{
	struct attempt *attempt = &self->attempts[self->n_attempts];

	if (self->n_attempts == N_ATTEMPTS)
		return;
	attempt->number = number;
	snprintf(attempt->authority, sizeof(attempt->authority), "%s", authority);
	self->n_attempts++;
}

static void consider(struct attach *self, unsigned number)
{
	CLEANUP(close) int fd = -1;
	struct candidates candidates;
	struct ucred peer;

	fd = x_socket_connect(number, &peer);
	if (fd == -EAGAIN)
		note_obstacle(self, STUCK, number, 0);
	if (fd < 0)
		return;
	if (!x_socket_is_trusted(&peer)) {
		note_obstacle(self, FOREIGN, number, peer.uid);
		return;
	}
	if (self->wanted == SETTINGS_DISPLAY_ANY
		&& candidates_has_variable(&self->places, peer.pid, session_marks))
		return;
	candidates_find(&candidates, &self->places, number, peer.pid);
	for (size_t i = 0; i < candidates.n; i++)
		add_attempt(self, number, candidates.paths[i]);
	/* xhost(1) may have let us in. */
	add_attempt(self, number, "");
}

static void collect(struct attach *self)
{
	struct numbers numbers;

	self->n_attempts = self->next = 0;
	self->obstacle = NOT_THERE;
	if (self->wanted != SETTINGS_DISPLAY_ANY) {
		consider(self, self->wanted);
		return;
	}
	list_numbers(&numbers);
	for (size_t i = 0; i < numbers.n; i++)
		consider(self, numbers.list[i]);
}

/* --- waiting --- */

static void describe_foreign(const struct attach *self, char *text, size_t size)
{
	const struct passwd *entry = getpwuid(self->obstacle_uid);
	char name[32];

	snprintf(name, sizeof(name), "user %u", (unsigned)self->obstacle_uid);
	if (entry)
		snprintf(name, sizeof(name), "%.31s", entry->pw_name);
	if (self->wanted == SETTINGS_DISPLAY_ANY)
		snprintf(text, size,
			"there is no X display of yours, only :%u, which belongs to %s; afar "
			"waits for one",
			self->obstacle_number, name);
	else
		snprintf(text, size, "display :%u belongs to %s: start afar as that user",
			self->obstacle_number, name);
}

static void describe(const struct attach *self, char *text, size_t size)
{
	unsigned number = self->obstacle_number;

	switch (self->obstacle) {
	case NOT_THERE:
		if (self->wanted == SETTINGS_DISPLAY_ANY)
			snprintf(text, size, "there is no X display%s; afar waits for one",
				self->was_there ? " any more" : " yet");
		else
			snprintf(text, size, "display :%u is %s; afar waits for it",
				self->wanted, self->was_there ? "gone" : "not there yet");
		break;
	case FOREIGN:
		describe_foreign(self, text, size);
		break;
	case STUCK:
		snprintf(text, size, "the X server of display :%u does not answer", number);
		break;
	case FULL:
		snprintf(text, size, "display :%u has as many programs as it can: close some",
			number);
		break;
	case REFUSED:
		snprintf(text, size,
			"display :%u refuses us, no authority for it can be read: start afar "
			"as the "
			"user who works there, or let that user run `xhost +si:localuser:%s`",
			number, self->user ? self->user : "…");
		break;
	}
}

/* Something that only a person can change. */
static bool needs_help(const struct attach *self)
{
	return self->obstacle != NOT_THERE
		&& !(self->obstacle == FOREIGN && self->wanted == SETTINGS_DISPLAY_ANY);
}

static void handle_change(void *data);

static void watch(struct attach *self)
{
	attach_watch_destroy(TAKE_PTR(self->watch));
	if (attach_watch_create(&self->watch, self->supervisor->event, &self->places,
		    self->wanted, handle_change, self) < 0)
		log_error("no memory to wait for the display");
}

static void stop_waiting(struct attach *self)
{
	attach_watch_destroy(TAKE_PTR(self->watch));
	xcb_connect_cancel(TAKE_PTR(self->connecting));
	self->is_held = false;
	self->timer = sd_event_source_disable_unref(self->timer);
}

static void look(struct attach *self)
{
	stop_waiting(self);
	/* First the watch: what comes after our look is told. */
	watch(self);
	collect(self);
	try_next(self);
}

static int handle_time(sd_event_source *source, uint64_t usec, void *data)
{
	(void)source;
	(void)usec;
	look(data);
	return 0;
}

static void look_after(struct attach *self, usec_t delay)
{
	self->timer = sd_event_source_disable_unref(self->timer);
	self->delay = delay * 2;
	sd_event_add_time_relative(self->supervisor->event, &self->timer, CLOCK_MONOTONIC,
		delay, 1, handle_time, self);
}

/* Several files may change at once: one look for all of them. */
static void handle_change(void *data)
{
	struct attach *self = data;

	if (!self->connecting || self->is_held)
		look_after(self, FIRST_DELAY_USEC);
	else
		self->delay = FIRST_DELAY_USEC;
}

static void handle_held(void *data, int error, xcb_connection_t *connection, int screen)
{
	struct attach *self = data;

	(void)screen;
	self->connecting = NULL;
	if (error == 0)
		xcb_disconnect(connection);
	look_after(self, FIRST_DELAY_USEC);
}

/* A stuck server tells by its answer that it goes on: then all is looked at anew. */
static void hold(struct attach *self)
{
	char name[16];

	snprintf(name, sizeof(name), ":%u", self->obstacle_number);
	self->is_held = xcb_connect_start(&self->connecting, self->supervisor->event, name,
				NULL, USEC_NEVER, handle_held, self) == 0;
}

/* Every attempt has failed. */
static void wait_for_change(struct attach *self)
{
	char why[sizeof(self->why)];

	if (self->obstacle == STUCK)
		hold(self);

	describe(self, why, sizeof(why));
	if (!str_equal(why, self->why)) {
		memcpy(self->why, why, sizeof(self->why));
		supervisor_is_away(self->supervisor, POLICY_DISPLAY, why, needs_help(self));
	}
	if (self->delay && self->delay <= LAST_DELAY_USEC)
		look_after(self, self->delay);
}

/* --- being attached --- */

static void handle_broken(void *data)
{
	struct attach *self = data;

	setup_destroy(TAKE_PTR(self->setup));
	self->was_there = true;
	self->why[0] = '\0';
	self->obstacle = NOT_THERE;
	self->delay = FIRST_DELAY_USEC;
	/* Said before we look: the picture is gone in any case. */
	wait_for_change(self);
}

static const struct setup_events setup_events = {
	.broken = handle_broken,
};

static int use_connection(struct attach *self, xcb_connection_t *connection)
{
	int r = setup_create(&self->setup, self->supervisor->event, connection, NULL,
		&self->supervisor->settings, false, &setup_events, self);

	if (r < 0)
		return r;
	stop_waiting(self);
	snprintf(self->name, sizeof(self->name), ":%u", self->current.number);
	log_info("attached to display %s, with %s", self->name,
		self->current.authority[0] ? self->current.authority : "no authority");
	supervisor_event(self->supervisor, POLICY_IS_READY, POLICY_DISPLAY, false);
	return 0;
}

static void note_failure(struct attach *self, int error)
{
	unsigned number = self->current.number;

	log_debug("display :%u with %s: %s", number,
		self->current.authority[0] ? self->current.authority : "no authority",
		strerror(-error));
	switch (error) {
	case -ECONNREFUSED:
		break;
	case -ETIMEDOUT:
	case -EAGAIN:
		note_obstacle(self, STUCK, number, 0);
		/* It will not answer the next one either. */
		while (self->next < self->n_attempts
			&& self->attempts[self->next].number == number)
			self->next++;
		break;
	case -EUSERS:
		note_obstacle(self, FULL, number, 0);
		break;
	default:
		note_obstacle(self, REFUSED, number, 0);
		break;
	}
}

static void handle_connected(void *data, int error, xcb_connection_t *connection, int screen)
{
	struct attach *self = data;

	(void)screen;
	self->connecting = NULL;
	if (error == 0)
		error = use_connection(self, connection);
	if (error == 0)
		return;
	note_failure(self, error);
	try_next(self);
}

static void try_next(struct attach *self)
{
	while (self->next < self->n_attempts) {
		char name[16];
		int r;

		self->current = self->attempts[self->next++];
		snprintf(name, sizeof(name), ":%u", self->current.number);
		r = xcb_connect_start(&self->connecting, self->supervisor->event, name,
			self->current.authority[0] ? self->current.authority : NULL,
			ANSWER_LIMIT_USEC, handle_connected, self);
		if (r == 0)
			return;
		note_failure(self, r);
	}
	wait_for_change(self);
}

/* --- life --- */

int attach_create(struct attach **ret, struct supervisor *supervisor)
{
	struct attach *self = mem_new(struct attach);
	const struct passwd *entry = getpwuid(geteuid());

	if (!self)
		return -ENOMEM;
	self->supervisor = supervisor;
	self->wanted = supervisor->settings.attach_display;
	self->runtime = xprintf("/run/user/%u", (unsigned)geteuid());
	self->user = entry ? xstrdup(entry->pw_name) : NULL;
	self->places = (struct candidate_places){
		.xauthority = getenv("XAUTHORITY"),
		.home = supervisor->paths.home,
		.user = self->user,
		.runtime = self->runtime,
		.proc = "/proc",
		.run = "/run",
		.tmp = "/tmp",
	};
	*ret = self;
	return 0;
}

void attach_destroy(struct attach *self)
{
	if (!self)
		return;
	stop_waiting(self);
	setup_destroy(self->setup);
	free(self->user);
	free(self->runtime);
	free(self);
}

void attach_start(struct attach *self)
{
	self->is_looking = true;
	self->delay = FIRST_DELAY_USEC;
	look(self);
}

void attach_stop(struct attach *self)
{
	/* Whoever looks on does so no longer. */
	if (json_array_size(self->supervisor->viewers))
		lock_display(self->supervisor->lock);
	self->is_looking = false;
	stop_waiting(self);
	setup_destroy(TAKE_PTR(self->setup));
	supervisor_event(self->supervisor, POLICY_HAS_ENDED, POLICY_DISPLAY, false);
}

void attach_look(struct attach *self)
{
	if (self->is_looking && !self->setup && (!self->connecting || self->is_held))
		look_after(self, FIRST_DELAY_USEC);
}

const char *attach_name(const struct attach *self)
{
	return self->setup ? self->name : NULL;
}

const char *attach_authority(const struct attach *self)
{
	return self->setup && self->current.authority[0] ? self->current.authority : NULL;
}

const char *attach_why(const struct attach *self)
{
	return self->why;
}

void attach_check(
	struct attach *self, usec_t limit, void (*done)(void *data, bool alive), void *data)
{
	if (self->setup)
		setup_check(self->setup, limit, done, data);
	else
		done(data, false);
}
