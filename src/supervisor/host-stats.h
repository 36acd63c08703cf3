/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What the host has counted, for `afar stats`. It is asked when somebody wants to know, and
 * never else: one question at a time, whose answer all get who asked meanwhile. A host that does not
 * answer in time is hung, or older than the question (UPG-01): whoever asked is told so.
 */

#include <jansson.h>
#include <stdint.h>

struct host_stats;
struct supervisor;

/* Of the document, afar(1): another one when a key means something else. */
#define HOST_STATS_SCHEMA 1

/* Returns 0 or -ENOMEM. Outlives the host. */
int host_stats_create(struct host_stats **ret, struct supervisor *supervisor);
void host_stats_destroy(struct host_stats *self);

/**
 * host_stats_ask() - have the document made
 * @done:  called once, from the loop or at once: with the document, a new reference that it
 *         takes, or with NULL and a line for the user
 */
void host_stats_ask(struct host_stats *self,
	void (*done)(void *data, json_t *document, const char *why), void *data);

/* @done is not called for @data any more. */
void host_stats_forget(struct host_stats *self, const void *data);

/* The host's CONTROL_STATS; or its answer is lost, or it has ended. */
void host_stats_handle_answer(struct host_stats *self, uint32_t id, const json_t *body);
void host_stats_handle_loss(struct host_stats *self);
