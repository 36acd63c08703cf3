/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The desktop sessions that are installed here: *.desktop files, as display managers list
 * them (CHOOSE-1..4; the format is freedesktop.org's Desktop Entry Specification).
 *
 * The files are anybody's (FUZ-10): only regular ones that root or this user alone can write
 * are read, at most SESSIONS_FILE_MAX bytes of SESSIONS_MAX files; what will not do is skipped
 * with a line in the log, and the others are listed. A skipped file still hides those of the
 * same name in later directories.
 */

#include <stdbool.h>
#include <stddef.h>

#define SESSIONS_FILE_MAX ((size_t)256 << 10)
#define SESSIONS_MAX 512
#define SESSIONS_EXEC_MAX 8192 /* bytes of a command */
#define SESSIONS_TEXT_MAX 200  /* characters of a name or a comment that are shown */

/* Id and command of the first entry, which is always there (CHOOSE-4). */
#define SESSIONS_DEFAULT "default"

struct sessions_entry {
	char *id;	     /* the file's name, "xfce.desktop"; or SESSIONS_DEFAULT */
	char *name;	     /* in the user's language: UTF-8, one line */
	char *comment;	     /* the same; "" when there is none */
	char *exec;	     /* verbatim; or SESSIONS_DEFAULT */
	char *desktop_names; /* joined by ':'; NULL: none */
};

struct sessions {
	struct sessions_entry *entries; /* the default first, the others sorted by name */
	size_t n;
};

/**
 * sessions_directories() - where they are looked for, the first to win first (CHOOSE-1)
 * @data_dirs: $XDG_DATA_DIRS; NULL or "": the default. What is not absolute in it is left out.
 *
 * NULL-terminated; free with sessions_free_directories().
 */
char **sessions_directories(const char *data_dirs);
void sessions_free_directories(char **directories);

/* Names are taken for the locale that setlocale(3) and $LANGUAGE say. */
void sessions_load(struct sessions *self, const char *const *directories);

/* Borrowed; NULL: there is none of this id. */
const struct sessions_entry *sessions_find(const struct sessions *self, const char *id);

void sessions_finish(struct sessions *self);
