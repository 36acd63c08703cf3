/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/display/attach-watch.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "wire/settings.h"

#define N_PLACES 16
#define N_NAMES 3
#define NAME_SIZE 64
/* xauth(1) makes a new file and renames it; servers bind, and change the mode. */
#define MASK (IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ATTRIB | IN_ONLYDIR)
/* In /tmp everybody writes all the time. */
#define MASK_TMP (IN_CREATE | IN_MOVED_TO | IN_ONLYDIR)

struct place {
	struct attach_watch *watch;
	sd_event_source *source;
	char names[N_NAMES][NAME_SIZE]; /* that matter; "xauth_*": all that begin so; "": none */
};

struct attach_watch {
	sd_event *event; /* borrowed */
	void (*happened)(void *data);
	void *data;
	struct place places[N_PLACES];
	size_t n;
};

static bool matches(const char *name, const char *pattern)
{
	size_t n = strcspn(pattern, "*");

	return pattern[n] ? strncmp(name, pattern, n) == 0 : str_equal(name, pattern);
}

static int handle_change(
	sd_event_source *source, const struct inotify_event *event, void *data)
{
	struct place *self = data;

	(void)source;
	/* IN_Q_OVERFLOW: whatever it was. */
	if (event->mask & IN_Q_OVERFLOW) {
		self->watch->happened(self->watch->data);
		return 0;
	}
	if (event->len == 0)
		return 0;
	for (size_t i = 0; i < N_NAMES && self->names[i][0]; i++) {
		if (!matches(event->name, self->names[i]))
			continue;
		self->watch->happened(self->watch->data);
		break; /* it may have destroyed us */
	}
	return 0;
}

/* The names end with NULL. What cannot be watched is not. */
static void add(struct attach_watch *self, uint32_t mask, const char *directory, ...)
{
	struct place *place = &self->places[self->n];
	const char *name;
	va_list names;
	int r;

	if (self->n == N_PLACES || directory[0] != '/')
		return;
	*place = (struct place){ .watch = self };
	va_start(names, directory);
	for (size_t i = 0; i < N_NAMES && (name = va_arg(names, const char *)); i++)
		snprintf(place->names[i], NAME_SIZE, "%s", name);
	va_end(names);
	r = sd_event_add_inotify(
		self->event, &place->source, directory, mask, handle_change, place);
	if (r >= 0)
		self->n++;
	else
		log_debug("%s is not watched: %s", directory, strerror(-r));
}

__attribute__((format(printf, 4, 5))) static void add_below(struct attach_watch *self,
	const char *parent, const char *name, const char *format, ...)
{
	char relative[CANDIDATE_SIZE], path[2 * CANDIDATE_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(relative, sizeof(relative), format, args);
	va_end(args);
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", parent, relative) < sizeof(path))
		add(self, MASK, path, name, NULL);
}

/* Where the file is that a path names, and its name. */
static void add_file(struct attach_watch *self, const char *path)
{
	char directory[CANDIDATE_SIZE];
	const char *name = str_basename(path);

	if (path[0] == '/' && (size_t)(name - path) < sizeof(directory)) {
		snprintf(directory, sizeof(directory), "%.*s", (int)(name - path), path);
		add(self, MASK, directory, name, NULL);
	}
}

static void add_all(
	struct attach_watch *self, const struct candidate_places *places, unsigned number)
{
	char socket_name[24] = "X*", lock_name[24] = ".X*", uid[16];

	if (number != SETTINGS_DISPLAY_ANY) {
		snprintf(socket_name, sizeof(socket_name), "X%u", number);
		snprintf(lock_name, sizeof(lock_name), ".X%u-lock", number);
	}
	snprintf(uid, sizeof(uid), "%u", (unsigned)geteuid());
	/* Parents first: what comes in between is told by one or the other. */
	add(self, MASK_TMP, places->tmp, ".X11-unix", lock_name, "xauth_*", NULL);
	add_below(self, places->tmp, socket_name, ".X11-unix");
	add(self, MASK, places->home, ".Xauthority", NULL);
	if (places->xauthority)
		add_file(self, places->xauthority);
	add_below(self, places->run, uid, "user");
	add(self, MASK, places->runtime, "gdm", "xauth_*", ".mutter-Xwaylandauth.*", NULL);
	add_below(self, places->runtime, "Xauthority", "gdm");
	if (places->user) {
		add_below(self, places->run, places->user, "lightdm");
		add_below(self, places->run, "xauthority", "lightdm/%s", places->user);
	}
}

int attach_watch_create(struct attach_watch **ret, sd_event *event,
	const struct candidate_places *places, unsigned number, void (*happened)(void *data),
	void *data)
{
	struct attach_watch *self = mem_new(struct attach_watch);

	if (!self)
		return -ENOMEM;
	self->event = event;
	self->happened = happened;
	self->data = data;
	add_all(self, places, number);
	*ret = self;
	return 0;
}

void attach_watch_destroy(struct attach_watch *self)
{
	if (!self)
		return;
	for (size_t i = 0; i < self->n; i++)
		sd_event_source_disable_unref(self->places[i].source);
	free(self);
}
