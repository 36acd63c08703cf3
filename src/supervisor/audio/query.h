/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Asking a program what it prints, such as its version, without waiting for it: the answer
 * comes from the event loop. A program that does not end in time is killed.
 */

#include <systemd/sd-event.h>

#include "base/clock.h"

struct query;

/* @output: the beginning of what it printed; NULL: it failed, or took too long. Called once. */
typedef void (*query_done_fn)(void *data, const char *output);

/**
 * query_create() - run `@program @option`
 *
 * Returns 0 or negative errno; then @done is not called.
 */
int query_create(struct query **ret, sd_event *event, const char *program, const char *option,
	usec_t limit, query_done_fn done, void *data);

/* Not from within @done. */
void query_destroy(struct query *self);
