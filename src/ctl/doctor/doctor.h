/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * afar doctor: looks at what a desktop needs and says what to do where it is
 * lacking. A table of checks, each with one result: the worst that it found.
 * A check changes nothing, and waits for nothing but programs that it runs,
 * and for those no longer than DOCTOR_WAIT_USEC.
 */

#include <stddef.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/paths.h"
#include "wire/settings.h"

#define DOCTOR_WAIT_USEC (3 * USEC_PER_SEC)

enum doctor_state {
	DOCTOR_OK,
	DOCTOR_NOTE,	/* works, but somebody may be surprised */
	DOCTOR_PROBLEM, /* keeps a desktop from working */
};

struct doctor_result {
	enum doctor_state state;
	char text[512];	  /* what is so, without a full stop */
	char advice[512]; /* what to do about it; "": nothing */
};

struct doctor {
	const struct paths *paths;
	struct settings settings; /* as far as they could be read */
	bool runs;		  /* a desktop of this home does */
};

struct doctor_check {
	const char *name; /* one word, for programs too: it stays */
	void (*run)(const struct doctor *doctor, struct doctor_result *result);
};

/* Each NULL-terminated by an entry without a name. */
extern const struct doctor_check doctor_files_checks[];
extern const struct doctor_check doctor_desktop_checks[];
extern const struct doctor_check doctor_sound_checks[];
extern const struct doctor_check doctor_system_checks[];

/* The first of the worst ones counts. @advice: may be NULL. */
void doctor_say(struct doctor_result *self, enum doctor_state state, const char *advice,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/**
 * doctor_run() - run a program and read what it prints, stdout and stderr alike
 * @ret: allocated, at most 64 KiB, NUL-terminated; the caller frees it
 *
 * Returns its exit status; 128 + N when signal N ended it; -ETIMEDOUT when it had to be killed;
 * or another negative errno. @ret is set in the first two cases.
 */
int doctor_run(const char *const *argv, char **ret);
