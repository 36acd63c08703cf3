/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What is to become one message of a deflate stream, before it is compressed: operations of the
 * protocol one after another, in runs of those that repeat what came before and those that do
 * not. Its memory is kept for the next one, up to BATCH_KEPT once it was trimmed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BATCH_KEPT ((size_t)32 << 10)

enum batch_kind {
	BATCH_PLAIN,
	BATCH_NOISY, /* not worth looking for repetitions */
	BATCH_N_KINDS,
};

struct batch_run {
	enum batch_kind kind;
	size_t n;
};

/* Zeroes: empty. */
struct batch {
	uint8_t *bytes;
	size_t n;
	size_t size;
	struct batch_run *runs;
	size_t n_runs;
	size_t runs_size;
	size_t n_of[BATCH_N_KINDS]; /* of @n */
};

/* Room for @n bytes more, to be written before batch_add(). NULL: no memory. */
uint8_t *batch_room(struct batch *self, size_t n);

/* @n bytes were written there. 0 or -ENOMEM: they are not in it. */
int batch_add(struct batch *self, size_t n, enum batch_kind kind);

void batch_clear(struct batch *self);
void batch_trim(struct batch *self);
void batch_finish(struct batch *self);
