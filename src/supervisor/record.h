/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What a supervisor knows, as JSON for the one that comes after it (handover.h), and back. Pure.
 * Successors may be newer or older: keys are added, never changed, and what is missing or makes
 * no sense is as if nothing had happened yet.
 *
 * Times are those of struct members; USEC_NEVER is -1.
 */

#include <jansson.h>

#include "supervisor/attempts.h"
#include "supervisor/policy.h"
#include "supervisor/tokens.h"
#include "wire/status.h"

/* What a component is called in all records, by supervisors of all versions. */
const char *record_component(enum policy_component component);

/* Each returns a new reference; NULL when out of memory. */
json_t *record_policy(const struct policy *self);
json_t *record_tokens(const struct tokens *self);
json_t *record_attempts(const struct attempts *self);
json_t *record_end(const struct status_end *self);
json_t *record_ends(const struct status_ends *self);

/* @self is initialised, and keeps what @from does not have. NULL: nothing. @now: CLOCK_MONOTONIC */
void record_read_policy(struct policy *self, const json_t *from, usec_t now);
void record_read_tokens(struct tokens *self, const json_t *from);
void record_read_attempts(struct attempts *self, const json_t *from, usec_t now);
void record_read_end(struct status_end *self, const json_t *from);
void record_read_ends(struct status_ends *self, const json_t *from);

/* One value of an object; @fallback: when it has none of this kind. */
json_int_t record_integer(const json_t *object, const char *key, json_int_t fallback);
bool record_bool(const json_t *object, const char *key, bool fallback);
/* Borrowed; never NULL. */
const char *record_text(const json_t *object, const char *key);
