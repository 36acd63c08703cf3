/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * One deflate stream, whose large messages are made in a thread. Until a message is complete
 * the thread alone has the stream; one more may wait for it. What is small is compressed at
 * once if the stream is free: to wake a thread takes as long.
 *
 * All is for the main thread, and nothing waits.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/encode/batch.h"
#include "host/encode/encode.h"
#include "loop/worker.h"

/* Bytes that go in. They take some 0.3 ms. */
#define COMPRESSOR_AT_ONCE ((size_t)32 << 10)

struct compressor;

/* @worker: NULL: all is compressed at once, as when no thread can be made. NULL: no memory. */
struct compressor *compressor_create(struct worker *worker, encode_done_fn done, void *data);

/* Messages that are not complete are told no more. Takes NULL. */
void compressor_destroy(struct compressor *self);

/* The same, and nothing refers to what came before. */
void compressor_restart(struct compressor *self);

/**
 * compressor_take() - a message of @batch, which is empty afterwards
 * @ret:  must live until it is told of
 *
 * Only if there is room. Returns 0; -EINPROGRESS: @done will be called; or -ENOMEM, as @done
 * may be told as well: the stream is then of no more use.
 */
int compressor_take(struct compressor *self, struct batch *batch, struct encode_body *ret);

/* Messages that are not complete, of which one may wait. Some may be void. */
bool compressor_is_busy(const struct compressor *self);
bool compressor_has_room(const struct compressor *self);

/* How many bytes a message of @batch will have, as far as those before it tell. */
size_t compressor_expect(const struct compressor *self, const struct batch *batch);
