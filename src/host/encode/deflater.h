/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * A raw deflate stream (RFC 1951) cut into messages: each ends with a sync
 * flush, whose last four bytes 00 00 FF FF are left out. The buffer grows as
 * needed and is kept, up to DEFLATER_KEPT.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#define DEFLATER_KEPT ((size_t)64 << 10)

struct deflater {
	z_stream stream;
	uint8_t *buffer;
	size_t size;
	size_t length;
	size_t n_in;   /* bytes added since the last message */
	int strategy;  /* zlib's */
	size_t n_counted;
	size_t n_out[2]; /* of the last message: of what was not noisy, and of what was */
};

/* Returns 0 or -ENOMEM. */
int deflater_init(struct deflater *self);
void deflater_finish(struct deflater *self);

/* Drops what was added since the last message; nothing refers to what came before. */
void deflater_restart(struct deflater *self);

/* @noisy: not worth looking for repetitions. 0 or -ENOMEM; the stream is then of no more use. */
int deflater_add(struct deflater *self, const void *bytes, size_t n, bool noisy);

/* Ends a message; @ret is borrowed until the next call. Never empty. */
int deflater_take(struct deflater *self, uint8_t **ret, size_t *ret_n);
