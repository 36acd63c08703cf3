/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What to do next: a pure function of the components' states, an event and
 * the time. It reads no clock and starts nothing, so that a test walks it
 * through hours in a millisecond. supervisor.c carries its actions out.
 *
 * The host depends on nothing and outlives everything. Display, session bus
 * and session are one desktop: when one of them ends, the others are ended
 * too, and it starts anew as a whole, each part after its own back-off
 * (SUP-7, SUP-8, D-23). Spec: INH, SUP, BLAME-1.
 */

#include <stdbool.h>

#include "supervisor/relaunch.h"
#include "wire/status.h"

enum policy_component {
	POLICY_HOST,
	POLICY_DISPLAY,
	POLICY_BUS,
	POLICY_SESSION,
	POLICY_N_COMPONENTS,
};

/* A set of components, one bit each. */
typedef unsigned policy_set;
#define POLICY_BIT(component) (1U << (component))

enum policy_event_type {
	POLICY_TICK,   /* time has passed; also the first event */
	POLICY_IS_READY,
	POLICY_HAS_ENDED,
	POLICY_IS_ABSENT, /* an optional component that is not needed or not installed */
	POLICY_IS_AWAY, /* what it is about is not there, which is no fault; IS_READY follows if it comes */
	POLICY_IS_HOPELESS, /* it says itself that starting it again is no use (EXIT-1) */
	POLICY_STOP,
};

struct policy_event {
	enum policy_event_type type;
	enum policy_component component;
	bool blame_display; /* of HAS_ENDED: the display was dead already (BLAME-1) */
};

struct policy_actions {
	policy_set start;
	policy_set stop;     /* ask to end; their HAS_ENDED follows */
	policy_set gave_up;  /* from now on COMPONENT_FAILED */
	usec_t wake;	     /* send a TICK then; USEC_NEVER: not needed */
	bool finished;	     /* stop was asked for, and nothing runs any more */
};

struct policy_entry {
	enum component_state state;
	struct relaunch relaunch;
	/* CLOCK_MONOTONIC, of a WAITING one; 0: as soon as others allow; USEC_NEVER: it is away */
	usec_t next_try;
	usec_t since;
	unsigned n_starts;
};

struct policy {
	struct policy_entry entries[POLICY_N_COMPONENTS];
	bool blamed_display; /* its coming end counts as a failure, though we ask for it */
	bool was_ready;
	bool stopping;
	usec_t since;
	enum status_state state;
};

void policy_init(struct policy *self, const struct relaunch_limits *limits, usec_t now);

/* Before the first event: this desktop does without these, they are off. */
void policy_leave_out(struct policy *self, policy_set set);

/* @self moves on; @ret says what is to be done now. Never fails. */
void policy_step(struct policy *self, const struct policy_event *event, usec_t now,
	struct policy_actions *ret);

/* Does anything of it run, as far as the policy was told? */
bool policy_is_running(const struct policy *self, enum policy_component component);
