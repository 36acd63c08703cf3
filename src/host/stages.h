/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Where the time of a frame goes: from the newest input to the last byte of the frame that
 * shows what came of it, in the seven stages of docs/protocol.md. Pure bookkeeping: whoever
 * does something says when (CLOCK_MONOTONIC, microseconds), and nothing here reads a clock.
 *
 *	arrived   had     damaged  asked    came    analysed     ...        taken
 *	   | input | application | damage | capture | analyse | encode, queue |
 *
 * The display has one struct stages, up to "analysed". What was found then waits in a struct
 * stages_frame of each viewer until that one's next frame is made.
 *
 * Which damage an input has led to nobody can tell for sure. So:
 *
 * - only damage counts that the X server reported after it had the input, by the sequence
 *   numbers of the connection (damage that was on its way before does not);
 * - only the first of it, and only within STAGES_KEY_USEC (a motion: STAGES_MOTION_USEC). After
 *   that an input is forgotten: what blinks or plays later has nothing to do with it;
 * - damage that changed no pixel does not count as the first.
 *
 * Times that are not known are 0 in a frame: what was not damaged after an input has no input
 * and no application, and a viewer's first picture only encode and queue.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "wire/stream.h"

/* So long may a program think about a key, a button or the wheel; and about the pointer. */
#define STAGES_KEY_USEC USEC_PER_SEC
#define STAGES_MOTION_USEC (USEC_PER_SEC / 10)

/* What an input waits for. */
struct stages_input {
	usec_t arrived; /* 0: there is none */
	usec_t within;
	uint32_t sequence; /* of the request whose answer says that the X server has it */
	usec_t had;        /* when that was; 0: not yet */
};

/* Pixels on their way. Times that have not come yet, or are not known, are 0. */
struct stages_batch {
	struct stages_input input; /* that led to it */
	usec_t damaged, asked, came, analysed;
};

/* Zeroes: nothing has happened. */
struct stages {
	struct stages_input sent;   /* on its way to the X server */
	struct stages_input newest; /* that the X server had, and nothing has come of yet */
	struct stages_batch damage; /* nobody has asked for these pixels yet */
	struct stages_batch read;   /* these were asked for */
	struct stages_batch ready;  /* the last that were analysed, and differed */
};

/* May an input be noted now? Not while an earlier one is on its way: it stands for both. */
static inline bool stages_want_input(const struct stages *self)
{
	return self->sent.arrived == 0;
}

/**
 * stages_input() - an input is on its way to the X server; only if stages_want_input()
 * @arrived:  when its message came
 * @within:   STAGES_KEY_USEC or STAGES_MOTION_USEC
 * @sequence: of a request behind it, whose answer stages_input_had() tells
 */
void stages_input(struct stages *self, usec_t arrived, usec_t within, uint32_t sequence);

/* The answer has come. */
void stages_input_had(struct stages *self, usec_t now);

/* @sequence: of the last request that the X server had seen when it reported this damage. */
void stages_damage(struct stages *self, uint32_t sequence, usec_t now);

/* All that was damaged so far is asked for. Once more after a refusal: the first time counts. */
void stages_asked(struct stages *self, usec_t now);

/* They have come, and after that: they are compared. @changed: some differed; see @ready. */
void stages_came(struct stages *self, usec_t now);
void stages_analysed(struct stages *self, bool changed, usec_t now);

/* One viewer's next frame. Embedded in the viewer; zeroes: nothing is to be sent. */
struct stages_frame {
	struct stages_batch open; /* what the frame that is being sent shows */
	struct stages_batch next; /* what came since it was begun */
	usec_t begun;             /* 0: no frame is */
	usec_t encode;            /* spent so far */
};

/* Of several that one frame shows, one with an input stands for all, and else the oldest. */
void stages_frame_add(struct stages_frame *self, const struct stages_batch *ready);

/* One of the frame's messages was made, the first or another. */
void stages_frame_encoded(struct stages_frame *self, usec_t from, usec_t to);

/*
 * The last was made: @ret has the frame's times. @all: nothing is left for another frame, so that
 * what came since it was begun is in this one; never is it taken for some later frame's. Queue is all of the time since the analysis in
 * which nothing was encoded: the wait for the viewer, and for its socket.
 */
void stages_frame_end(
	struct stages_frame *self, bool all, usec_t now, struct stream_times *ret);
