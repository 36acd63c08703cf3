/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The children of a daemon (child.h), whom its supervisors hand on to each other. What each run
 * starts carries
 *
 *	AFAR_PART=LOCK-FILE GUARD-PID.START-TIME NAME.NUMBER
 *
 * in its environment: which desktop it belongs to, and to which run of which part. That finds
 * what a supervisor started and did not live to write down, and what is left when guard and
 * supervisor were killed at once (SUP-10, SUP-12). Which desktop it is says a number as well
 * (proc_mark()), for who hides or forgets his environment.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/list.h"

#define FAMILY_VARIABLE "AFAR_PART"

struct child;
struct keeper;

struct family {
	sd_event *event;       /* borrowed */
	struct keeper *keeper; /* borrowed; NULL: there is no guard */
	struct list children;  /* all that were initialised, whether they run or not */
	uint64_t last_run;
	char *desktop; /* "LOCK-FILE GUARD-PID.START-TIME"; NULL: nothing is marked */
	uint64_t mark; /* the same as a number: proc_mark(); 0: nothing is marked */
};

/* @lock_file: names the desktop; NULL: nothing is marked. For start-up. */
void family_init(
	struct family *self, sd_event *event, struct keeper *keeper, const char *lock_file);
void family_finish(struct family *self);

/* The one that runs as @pid, or NULL. */
struct child *family_find(const struct family *self, pid_t pid);

/* The one of this name, or NULL. */
struct child *family_find_name(const struct family *self, const char *name);

/* The value of the variable for a run: allocated, NULL when out of memory. */
char *family_mark(const struct family *self, const char *name, uint64_t run);

/* The number for a desktop: the same upper part for the same lock file. */
uint64_t family_number(const char *desktop);

/* Ends what a predecessor started and did not write down: by SIGKILL, unless it leaves_files. */
void family_end(const struct family *self, pid_t pid);

/* All of those: runs after @last_run, and copies of it that had not become anything else yet. */
void family_end_unknown(const struct family *self, uint64_t last_run);

/*
 * Is it left of a desktop whose guard is gone, having the same lock file and another guard? Not
 * those below which we run ourselves: that may be a shell of the old desktop.
 */
bool family_is_stray(const struct family *self, pid_t pid);
