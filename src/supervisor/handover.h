/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * From one supervisor to the next. What it knows lies as a JSON document in memory that outlives
 * it (slots.h), its sockets and pipes with the guard (keeper.h), and its children become the
 * guard's. So one that was killed is replaced by one that goes on where it stood, and the same
 * way leads to a new version: execve(2) in place. SUP-10.
 *
 * The document is written once after each turn of the loop in which anything changed. What a
 * supervisor did not live to write down is undone by its successor: children that it does not
 * know are killed, parts that were never started are started. Each part (component.h) saves and
 * adopts what is its own.
 *
 *	{"version": 1, "policy": …, "components": {NAME: {"last_end": …}}, "children": [{"name",
 *	"pid", "start_time", "run"}], "last_run", "parts": {NAME: …}, "config": …, "listen": …,
 *	"tokens": …, "attempts": …, "viewers": …, "outputs": …, "report": …}
 */

#include <jansson.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

#include "supervisor/slots.h"

struct keeper;
struct supervisor;

struct handover {
	struct keeper *keeper; /* NULL: there is no guard */
	struct slots slots;
	json_t *legacy; /* what a predecessor wrote; NULL: there was none */
	sd_event_source *post, *exec;
	bool is_dirty;
	bool has_failed; /* the last time; the log knows */
	bool report_is_kept;
};

/**
 * handover_open() - first of all: is there a predecessor?
 *
 * Reads what the guard has kept, and makes REPORT_FD what it was for the predecessor. Returns 0
 * or negative errno.
 */
int handover_open(struct handover *self);

/* Whoever waits for the start is told by a successor, too. From the time on that he waits. */
void handover_keep_report(struct supervisor *supervisor);

/* What the predecessor knew by this name; NULL: nothing. Borrowed. */
json_t *handover_legacy(const struct handover *self, const char *key);

/* The same of a part: see component_rules.save. */
json_t *handover_part(const struct handover *self, const char *name);

/* The bytes of a file as they were when the desktop was started: leaves them to successors … */
void handover_keep_text(struct handover *self, const char *name, const char *text, size_t n);
/* … who get them here. 0 or negative errno; -ENOENT: there was no such file. */
int handover_take_text(struct handover *self, const char *name, char **ret, size_t *ret_n);

/**
 * handover_begin() - from now on what changes is written down
 *
 * Takes over first, where there is a predecessor: all parts must have been created. Returns 0 or
 * negative errno.
 */
int handover_begin(struct supervisor *supervisor);

/* Something changed that a successor has to know. */
void handover_touch(struct supervisor *supervisor);

/**
 * handover_prepare_exec() - become the program that now lies where ours did
 * @now:  a host that is another one now is replaced at once, not when nobody looks on
 *
 * In the next turn of the loop. Returns 0 or negative errno.
 */
int handover_prepare_exec(struct supervisor *supervisor, bool now);

/* Safe on a zeroed one. */
void handover_finish(struct handover *self);
