/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The virtual display: an X server of ours with a number, an authority file
 * and the modes that were asked for. Variants: Xorg with the dummy driver,
 * and Xvfb, which stands in when the first cannot start or is not installed
 * (D-3, D-4). Or the display is another's, and only attached to: attach.h.
 *
 * A number that is taken is no failure: the next one is tried (D-16). Ready
 * means: the server answers, keymap and modes are set (XINIT-1..5).
 */

#include <jansson.h>
#include <stddef.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/spawn.h"
#include "wire/settings.h"

struct display;
struct supervisor;

/* What a variant needs to know to start its server. */
struct display_launch {
	const char *name;	   /* ":20" */
	const char *authority;	   /* file */
	const char *directory;	   /* ours, for files of the server's */
	int ready_fd;		   /* in the child: for -displayfd */
	const struct settings *settings;
	const char *const *x_options; /* NULL-terminated */
};

#define DISPLAY_ARGV_MAX 64

struct display_argv {
	const char *args[DISPLAY_ARGV_MAX];
	size_t n;
	char texts[4][300]; /* what some of the arguments point to */
};

struct display_impl {
	const char *name; /* "Xorg" */
	/* Can it be started on this machine at all? */
	bool (*is_installed)(void);
	/* Writes what the server needs to read, fills @ret; 0 or negative errno. */
	int (*prepare)(const struct display_launch *launch, struct display_argv *ret);
	/* RandR outputs that get our modes (XINIT-4); NULL-terminated. */
	const char *const *outputs;
	bool starts_largest; /* and may be made so again: see size-watch.h */
};

extern const struct display_impl display_xorg;
extern const struct display_impl display_xvfb;

/* An argument too many ends the argument list short: the server then says what it misses. */
void display_argv_add(struct display_argv *self, const char *arg);

/**
 * display_create() - choose the variant
 *
 * -ENOENT with @ret_why (allocated) when no X server is installed that would do.
 */
int display_create(struct display **ret, struct supervisor *supervisor, char **ret_why);
void display_destroy(struct display *self);

int display_start(struct supervisor *supervisor, char *text, size_t size);
void display_stop(struct supervisor *supervisor);
pid_t display_pid(const struct supervisor *supervisor);
json_t *display_save(const struct supervisor *supervisor);
void display_adopt(struct supervisor *supervisor, const json_t *from);

/* ":20" while the display is ready, else NULL. */
const char *display_name(const struct display *self);
const char *display_authority(const struct display *self); /* NULL: none is needed */
const char *display_why(const struct display *self); /* it is not ready */

/* Of one that is waited for: somebody wants it now, look again. */
void display_look(struct display *self);

/*
 * How long the server has to show that it is not to blame for another's end (BLAME-1). Of one that
 * is gone the connection tells at once; one that is only slow, on a machine that is busy, must not
 * be ended for it.
 */
#define DISPLAY_BLAME_USEC (5 * USEC_PER_SEC)

/**
 * display_check() - does the server still answer?
 * @done:  called once, within @limit or so; at once, from within, when there is no display
 */
void display_check(
	struct display *self, usec_t limit, void (*done)(void *data, bool alive), void *data);

/* For the readiness of a session: told when a window manager is there, or a window. */
struct display_watch {
	void (*window_manager)(void *data); /* _NET_SUPPORTING_WM_CHECK is set */
	void (*window)(void *data);	    /* a top-level window was mapped */
	void *data;
};

/* One watcher; NULL: none. Borrowed. */
void display_set_watch(struct display *self, const struct display_watch *watch);
