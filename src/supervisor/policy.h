/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What to do next: a pure function of the components' states, an event and
 * the time. It reads no clock and starts nothing, so that a test walks it
 * through hours in a millisecond. supervisor.c carries its actions out.
 *
 * Display, session bus, sound, pre-session and session are one desktop: when a vital part of
 * it ends, the others are ended too, and it starts anew as a whole, each part after its own
 * back-off (SUP-7, SUP-8, D-23). In our own flavour the host depends on nothing and outlives
 * everything; by the contract it is a part of the desktop. Two sets of rules say so. Spec:
 * INH, SUP, BLAME-1, EXIT-1, PRE-2 with N-2.
 */

#include <stdbool.h>

#include "supervisor/relaunch.h"
#include "wire/status.h"

/* In the order in which they are asked to end (TERM-2). */
enum policy_component {
	POLICY_HOST,
	POLICY_CRASH_UPLOADER,
	POLICY_SESSION,
	POLICY_PRE_SESSION, /* runs to its end before the rest starts: ready is when it has */
	POLICY_AUDIO,
	POLICY_DISPLAY,
	POLICY_BUS,
	POLICY_N_COMPONENTS,
};

/* A set of components, one bit each. */
typedef unsigned policy_set;
#define POLICY_BIT(component) (1U << (component))

enum policy_event_type {
	POLICY_TICK,   /* time has passed; also the first event */
	POLICY_IS_READY,
	POLICY_HAS_ENDED,
	POLICY_IS_ABSENT, /* a component that is not needed or not installed */
	POLICY_IS_AWAY, /* what it is about is not there, which is no fault; IS_READY follows if it comes */
	POLICY_IS_SETTLED, /* what others have to know of it is known, see policy_rule.settled */
	POLICY_IS_HOPELESS, /* it says itself that starting it again is no use (EXIT-1) */
	POLICY_RESTART, /* end it and start it anew: no failure (D-21) */
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
	policy_set counted;  /* the end of a run was put down to them: relaunch.n_short is news */
	usec_t wake;	     /* send a TICK then; USEC_NEVER: not needed */
	bool finished;	     /* an end was wanted, and nothing runs any more */
	int exit_status;     /* of the daemon, when finished */
};

struct policy_rule {
	policy_set after;   /* must be ready first; an optional one may also be off or failing */
	policy_set behind;  /* must have been started first, or be off or failed */
	policy_set settled; /* must be settled first */
	bool optional;	    /* we can do without it for good */
};

struct policy_rules {
	struct policy_rule of[POLICY_N_COMPONENTS];
	policy_set desktop; /* ended together … */
	policy_set vital;   /* … when one of these ends */
	const enum policy_component *start_order; /* all of them */
	bool relaunches_itself; /* a desktop that ended well ends the daemon: exit status 41 (SUP-2) */
	bool gives_up_whole; /* one that is given up, or hopeless, ends the daemon (SUP-3, EXIT-1) */
};

extern const struct policy_rules policy_rules_own;
extern const struct policy_rules policy_rules_contract;

struct policy_entry {
	enum component_state state;
	struct relaunch relaunch;
	/* CLOCK_MONOTONIC, of a WAITING one; 0: as soon as others allow; USEC_NEVER: it is away */
	usec_t next_try;
	usec_t since;
	unsigned n_starts;
};

struct policy {
	const struct policy_rules *rules; /* borrowed */
	policy_set unsettled;
	struct policy_entry entries[POLICY_N_COMPONENTS];
	bool blamed_display; /* its coming end counts as a failure, though we ask for it */
	bool was_ready;
	bool ending; /* the desktop as a whole, until nothing of it runs */
	bool stopping;
	int exit_status; /* when stopping */
	usec_t since;
	enum status_state state;
};

void policy_init(struct policy *self, const struct policy_rules *rules,
	const struct relaunch_limits *limits, policy_set unsettled, usec_t now);

/* What a display that is only attached to has of its own. */
#define POLICY_SESSION_PARTS                                                                   \
	(POLICY_BIT(POLICY_PRE_SESSION) | POLICY_BIT(POLICY_SESSION) | POLICY_BIT(POLICY_AUDIO)  \
		| POLICY_BIT(POLICY_BUS))

/* Before the first event: this desktop does without these, they are off. */
void policy_leave_out(struct policy *self, policy_set set);

/* As if this component, which has no process, had not been started, or were not away. */
void policy_forget(struct policy *self, enum policy_component component, usec_t now);

/**
 * policy_adopt() - after a predecessor's state was read into @self
 * @with_process:  the components of which a process lives, or has just ended, which will be told
 *
 * A component that was to be started and has no process was not. Returns those that ran and have
 * none either: their POLICY_HAS_ENDED has to follow.
 */
policy_set policy_adopt(struct policy *self, policy_set with_process, usec_t now);

/* @self moves on; @ret says what is to be done now. Never fails. */
void policy_step(struct policy *self, const struct policy_event *event, usec_t now,
	struct policy_actions *ret);

/* Does anything run at all? */
bool policy_runs(const struct policy *self);

/* Does anything of it run, as far as the policy was told? */
bool policy_is_running(const struct policy *self, enum policy_component component);
