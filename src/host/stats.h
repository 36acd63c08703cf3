/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What the host counts, and shows when `afar stats` asks (afar(1), STATISTICS, has the
 * document): frames, bytes, operations by kind, and where the time of frames went. Of fixed
 * size, and only ever written where something happens anyway: it costs an idle desktop nothing.
 * Pure, but for the question how much CPU we have used.
 *
 * Each viewer has a struct stats_viewer; what it counts is counted in the host's struct stats
 * as well, where it stays when the viewer leaves.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "wire/stream.h"

/* Operations of frames by kind: 0 to 6 are those of FRAME, after them pictures by codec. */
enum stats_kind {
	STATS_SOLID,
	STATS_PALETTE,
	STATS_RAW,
	STATS_DELTA,
	STATS_COPY,
	STATS_STORE,
	STATS_CACHED,
	STATS_JPEG,
	STATS_VP9,
	STATS_H264,
	STATS_N_KINDS,
};

/* What there is in some messages. Whoever encodes adds up; zeroes: nothing. */
struct stats_work {
	uint64_t operations[STATS_N_KINDS];
	uint64_t pixels; /* filled by them; what a STORE remembers is none */
};

static inline void stats_work_add(
	struct stats_work *self, enum stats_kind kind, uint64_t pixels)
{
	self->operations[kind]++;
	self->pixels += pixels;
}

struct stats_counters {
	struct stats_work work;
	uint64_t n_frames;
	uint64_t n_acks;
	uint64_t n_inputs;   /* keys, buttons, wheel, motion */
	uint64_t bytes_down; /* of messages, without their framing */
	uint64_t bytes_up;
};

struct stats {
	usec_t since;                   /* wall clock */
	struct stats_counters counters; /* of all viewers, also of those who have left */
	uint64_t n_viewers;             /* who have signed in so far */
	uint64_t n_reads;               /* of pixels from the display */
	uint64_t n_unchanged;           /* of which none differed */
	uint64_t n_requests;            /* for these figures */
};

void stats_init(struct stats *self, usec_t wall);

/* Pixels came from the display. */
void stats_read(struct stats *self, bool changed);

/* The stages of the protocol, what only the viewer's ACK tells, and the whole. */
enum stats_stage {
	STATS_INPUT,
	STATS_APPLICATION,
	STATS_DAMAGE,
	STATS_CAPTURE,
	STATS_ANALYSE,
	STATS_ENCODE,
	STATS_QUEUE,
	STATS_NETWORK, /* from the last message to its ACK, less the next two */
	STATS_DECODE,
	STATS_PAINT,
	STATS_ECHO, /* from an input to the ACK of the frame that shows what came of it */
	STATS_N_STAGES,
};

/* The last so many frames are remembered, one by one: medians are exact. */
#define STATS_N_FRAMES 256

/* What one frame's time went into, in units of STREAM_TIME_USEC, as struct stream_times. */
struct stats_frame {
	uint16_t stages[STATS_N_STAGES];
};

struct stats_history {
	struct stats_frame ring[STATS_N_FRAMES];
	uint32_t n; /* frames so far; the newest is at (n - 1) % STATS_N_FRAMES */
};

/* Of the frames in which a stage's time is known. All in microseconds. */
struct stats_summary {
	unsigned n; /* 0: none, and nothing else is known */
	usec_t median;
	usec_t p99;
	usec_t max;
};

void stats_history_add(struct stats_history *self, const struct stats_frame *frame);
void stats_history_sum_up(
	const struct stats_history *self, enum stats_stage stage, struct stats_summary *ret);

/* Frames that are not acknowledged yet, at most: docs/protocol.md. */
#define STATS_UNDER_WAY_MAX 16

struct stats_sent {
	uint32_t seq;
	usec_t at; /* when the last message went */
	struct stream_times times;
};

/* Embedded in the viewer. */
struct stats_viewer {
	struct stats *host; /* borrowed */
	struct stats_counters counters;
	struct stats_history history;
	struct stats_sent under_way[STATS_UNDER_WAY_MAX]; /* oldest first */
	unsigned n_under_way;
	usec_t rtt;      /* of the newest frame, without decoding and painting; 0: not known */
	usec_t rtt_best; /* the shortest so far */
};

void stats_viewer_init(struct stats_viewer *self, struct stats *host);

/* A message of the viewer's, or one to it; and what there is in one with a piece of a frame. */
void stats_viewer_came(struct stats_viewer *self, size_t n, bool is_input);
void stats_viewer_went(struct stats_viewer *self, size_t n);
void stats_viewer_worked(struct stats_viewer *self, const struct stats_work *work);

/* A frame's last message was given to the socket, @now. */
void stats_viewer_sent(
	struct stats_viewer *self, uint32_t seq, const struct stream_times *times, usec_t now);

/* @decode, @paint: as the ACK has them. A seq that is not under way is nobody's. */
void stats_viewer_acked(
	struct stats_viewer *self, uint32_t seq, uint16_t decode, uint16_t paint, usec_t now);

/**
 * stats_viewer_to_json() - a viewer's part of the document
 * @rate: bytes per second that its link takes; 0: not known
 * @who:  what else is to be said of it, and comes first: an object, taken
 *
 * NULL: out of memory, as @who may be.
 */
json_t *stats_viewer_to_json(const struct stats_viewer *self, uint64_t rate, json_t *who);

/* More viewers than these are only counted, so that the document fits into one line of
 * wire/control.h. */
#define STATS_VIEWERS_MAX 48

/* The host's part of the document. @viewers: an array, taken; NULL is out of memory, as is the
 * result. */
json_t *stats_to_json(const struct stats *self, json_t *viewers, size_t n_left_out);
