/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What a user can set: afar.conf(5) and the options of `afar start`, in one
 * struct. Built-in values < /etc/afar/afar.conf < ~/.config/afar/afar.conf <
 * options; each is laid over the one before. Pure: files are read elsewhere.
 */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#define SETTINGS_SIZE_MIN_PX 100
#define SETTINGS_SIZE_MAX_PX 16384
#define SETTINGS_PORT 2327 /* AFAR on a telephone's keys */

/* In a session's place: let the user choose one from a list. */
#define SETTINGS_SESSION_CHOOSE "choose"

enum settings_display {
	SETTINGS_DISPLAY_AUTO,
	SETTINGS_DISPLAY_XORG,
	SETTINGS_DISPLAY_XVFB,
	SETTINGS_DISPLAY_ATTACH, /* to one that is there already */
};

#define SETTINGS_DISPLAY_ANY UINT_MAX

struct settings_size {
	unsigned width, height; /* pixels */
};

struct settings_address {
	char host[64]; /* without brackets */
	uint16_t port; /* 0: the default, or the next free one */
};

#define SETTINGS_N_SIZES 16
#define SETTINGS_N_LISTEN 4
#define SETTINGS_N_NAMES 8

struct settings {
	struct settings_size sizes[SETTINGS_N_SIZES]; /* the first is the size at start */
	size_t n_sizes;
	struct settings_address listen[SETTINGS_N_LISTEN];
	size_t n_listen; /* 0: both loopback addresses */
	char names[SETTINGS_N_NAMES][254]; /* further names that a browser may call us by */
	size_t n_names;
	enum settings_display display;
	unsigned attach_display; /* its number, or _ANY: the lowest that is there */
	char lock_on_leave[512]; /* "": no; "yes": by what there is; else a command, words and blanks */
	char session[1024]; /* a command for sh(1), or SETTINGS_SESSION_CHOOSE; "": look for one */

	/* Relaunching a component: see supervisor/relaunch.h. */
	usec_t healthy_after, fast_delay, slow_delay;
	unsigned slow_after, give_up_after;
};

#define SETTINGS_WHY_MAX 256

struct flavour;

/* The built-in values of a flavour. */
void settings_init(struct settings *self, const struct flavour *flavour);

/**
 * settings_set() - one key of afar.conf
 * @why:  on -EINVAL says what is wrong with @value, without a full stop
 *
 * Lists (sizes, listen, names) replace the list of a lower layer. Returns 0, -EINVAL, or -ENOENT
 * for a key that does not exist.
 */
int settings_set(struct settings *self, const char *section, const char *key, const char *value,
	char why[SETTINGS_WHY_MAX]);

typedef void (*settings_warn_fn)(void *data, const char *section, const char *key);

/**
 * settings_read() - lay a whole afar.conf over @self
 * @text:     NUL-terminated
 * @warn:     told of each unknown key; may be NULL
 * @ret_line: the line that is wrong, on -EINVAL
 *
 * On failure @self is as it was.
 */
int settings_read(struct settings *self, const char *text, settings_warn_fn warn, void *data,
	unsigned *ret_line, char why[SETTINGS_WHY_MAX]);

/* "1920x1080"; SIZE-2. On -EINVAL @why has the spec's message. */
int settings_parse_size(
	const char *text, struct settings_size *ret, char why[SETTINGS_WHY_MAX]);

/* "127.0.0.1:2327", "[::1]:2327", "127.0.0.1". Only loopback is accepted for now. */
int settings_parse_address(
	const char *text, struct settings_address *ret, char why[SETTINGS_WHY_MAX]);
