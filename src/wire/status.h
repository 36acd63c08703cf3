/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The status document of `afar status --json`, the control socket and the
 * page in the browser: one schema, documented in afar(1). Keys are added,
 * never changed. Absent values are null; times are RFC 3339 UTC with ms.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/clock.h"

enum status_state {
	STATUS_STARTING,
	STATUS_READY,
	STATUS_DEGRADED, /* usable, but a component is down */
	STATUS_FAILED,	 /* given up on a mandatory component */
	STATUS_STOPPED,
};

enum component_state {
	COMPONENT_OFF,
	COMPONENT_WAITING,
	COMPONENT_STARTING,
	COMPONENT_READY,
	COMPONENT_STOPPING,
	COMPONENT_FAILED,
};

#define STATUS_LOG_TAIL_LINES 12
#define STATUS_LOG_LINE_MAX 256

/* How the last run of a component ended. */
struct status_end {
	bool known;
	bool by_signal;
	int number; /* exit status or signal */
	usec_t at;  /* wall clock */
	char text[384];
	char log_tail[STATUS_LOG_TAIL_LINES][STATUS_LOG_LINE_MAX]; /* oldest first */
	unsigned n_log_tail;
};

#define STATUS_N_ENDS 8
#define STATUS_ENDS_TEXT_MAX 160

/* One of a component's last ends. */
struct status_past_end {
	usec_t at; /* wall clock */
	pid_t pid; /* 0: not known, or there was none */
	int number; /* exit status or signal */
	bool by_signal;
	bool core; /* the kernel dumped one */
	bool asked; /* we ended it */
	char text[STATUS_ENDS_TEXT_MAX];
};

/* A ring, with nothing in it that points elsewhere. */
struct status_ends {
	struct status_past_end ring[STATUS_N_ENDS];
	unsigned next, n;
};

/* The oldest makes room. */
void status_ends_add(struct status_ends *self, const struct status_past_end *end);

struct status_component {
	const char *name; /* display, bus, session, host … */
	enum component_state state;
	pid_t pid;	 /* 0: none */
	usec_t since;	 /* wall clock, of the state; 0: never changed */
	unsigned restarts;
	usec_t next_try; /* wall clock; 0: none is planned */
	const char *trouble; /* "does not answer"; borrowed; NULL: none is known */
	struct status_end last_end;
	const struct status_ends *ends; /* borrowed; NULL: none */
};

struct status {
	enum status_state state;
	usec_t now; /* wall clock: readers with another one count from it */
	usec_t since;
	const char *url;     /* borrowed, as all strings here; NULL: none */
	const char *display; /* ":20"; NULL: none */
	pid_t supervisor_pid;
	usec_t supervisor_since; /* wall clock: its program's start */
	pid_t guard_pid;
	const struct status_component *components;
	size_t n_components;
	json_t *viewers; /* borrowed array of {id, address, since, view_only}; NULL: none */
};

/* A new reference; NULL when out of memory. */
json_t *status_to_json(const struct status *self);

const char *status_state_name(enum status_state state);
const char *component_state_name(enum component_state state);
