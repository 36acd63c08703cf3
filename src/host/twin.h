/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * A viewer's second connection. Where packets get lost on a long way, each one that is lost keeps
 * all that is behind it waiting for a round trip and more. So what the user does goes by both
 * connections, and what comes of it as well (ECHO): the first to arrive counts. docs/protocol.md
 * has the messages.
 *
 * Here is who may join whom, and which of two equal inputs is the first. An input is known by its
 * number: each connection has them all in their order, the second from some number on.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "wire/stream.h"

/* So long a key is good, and after so long there may be another, if nobody used it. */
#define TWIN_KEY_USEC (30 * USEC_PER_SEC)

enum twin_way {
	TWIN_FIRST,
	TWIN_SECOND,
};

/* Zeroes: nothing was offered, and nothing came. */
struct twin {
	uint8_t key[STREAM_TWIN_KEY_SIZE];
	usec_t until;	 /* the key is good; 0: none was made yet */
	bool used;
	uint32_t n_done; /* inputs, by whichever way */
	uint32_t n_came[2];
};

/* May there be a key, or another? Whoever has a twin is not asked. */
bool twin_wants_key(const struct twin *self, usec_t now);

/* Makes one. Returns 0, or a negative errno: there is none then. */
int twin_make_key(struct twin *self, usec_t now);

/* Is it the key, for the first time, and in time? */
bool twin_use_key(struct twin *self, const uint8_t key[STREAM_TWIN_KEY_SIZE], usec_t now);

/* The second way begins behind so many inputs. */
void twin_begin(struct twin *self, uint32_t n_before);

/* An input has come. Is it to be done? Otherwise it was already, or the first way brings it. */
bool twin_take(struct twin *self, enum twin_way way);
