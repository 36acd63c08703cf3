/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What every component has beside its state in policy.h: names, how it is
 * started and stopped, its output, and how it ended.
 */

#include <jansson.h>
#include <sys/types.h>

#include "supervisor/outlog.h"
#include "supervisor/policy.h"
#include "wire/status.h"

struct supervisor;

struct component_rules {
	const char *name;	    /* of the status document; NULL: it has several there */
	const char *label;	    /* for people: "the session" */
	const char *inhibitor;	    /* the label of its count of failures (LOG-2); NULL: not told */
	const char *offline_reason; /* SUP-1; NULL: optional, its loss is none */
	const char *output_prefix;  /* under the contract, see outlog.h */
	usec_t output_limit;

	/*
	 * Starts it. What comes of it is told by supervisor_event(), from the loop. Returns 0 or
	 * negative errno with @text saying what could not be done.
	 */
	int (*start)(struct supervisor *supervisor, char *text, size_t size);
	void (*stop)(struct supervisor *supervisor);
	pid_t (*pid)(const struct supervisor *supervisor); /* 0: does not run */

	/*
	 * For a supervisor that comes after this one (handover.h); NULL: nothing is needed. @save:
	 * a new reference, NULL when out of memory. @adopt: goes on as the policy, which knows its
	 * state, has it; @from is as @save made it, or of another version, or NULL.
	 */
	json_t *(*save)(const struct supervisor *supervisor);
	void (*adopt)(struct supervisor *supervisor, const json_t *from);
};

extern const struct component_rules component_rules[POLICY_N_COMPONENTS];

struct component {
	struct outlog_stream output;
	struct status_end last_end;
	struct status_ends ends;
	const char *hung;  /* how it was, when the watchdog ends it; borrowed */
	usec_t since_wall; /* of the state that is published */
	enum component_state published;
	usec_t next_try_wall;
	usec_t next_try; /* what next_try_wall was made from */
};
