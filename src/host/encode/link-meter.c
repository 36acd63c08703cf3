/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/link-meter.h"

#include <sys/param.h> /* MIN, MAX */

/* Until it is measured: a first frame of 64 KiB, which a slow link takes in half a second. */
#define RATE_AT_FIRST ((uint64_t)1600 * 1000)
#define RATE_MIN ((uint64_t)4 * 1000)
#define RATE_MAX ((uint64_t)1000 * 1000 * 1000)

/* How long a frame and a message may keep the link busy. */
#define FRAME_USEC (40 * USEC_PER_MSEC)
#define PIECE_USEC (20 * USEC_PER_MSEC)
#define FRAME_MAX ((size_t)16 << 20)
#define PIECE_MAX ((size_t)128 << 10)
#define LEAST ((size_t)1 << 10)
#define LEAST_NEAR ((size_t)64 << 10)

/* A round trip below this is as good as none: one frame at a time makes 120 a second. */
#define STEP_USEC (8 * USEC_PER_MSEC)
/*
 * What the viewer needs for a coded picture goes on beside our coding the next, so that one more is
 * under way; but not for a viewer who is as slow as this, to whom it would only be later.
 */
#define CODED_CLIENT_USEC (50 * USEC_PER_MSEC)
/* So many frames may follow each other at once; the others are spread over the round trip. */
#define BURST (LINK_METER_FRAMES_MAX / 2)

/* Timers, painting at the next refresh: what of a time means nothing. */
#define JITTER_USEC (16 * USEC_PER_MSEC)
/* A frame counts if it takes so long, at the known rate but at this one at most. */
#define COUNTS_USEC (4 * USEC_PER_MSEC)
#define COUNTS_RATE ((uint64_t)2500 * 1000)
#define FADE_USEC (500 * USEC_PER_MSEC) /* to the half */

/* What may be the loss of a packet, and of what was sent in its place. */
#define LOST_ROUND_TRIPS 5

#define RTT_MIN_USEC (10 * USEC_PER_SEC)
#define RTT_MIN_FRAMES 16
#define PROBE_MAX ((size_t)2 << 10)

#define CLAMP(n, least, most) MAX(least, MIN(n, most))

static usec_t usec_of(uint64_t n, uint64_t rate)
{
	return n * USEC_PER_SEC / rate;
}

static uint64_t bytes_in(usec_t usec, uint64_t rate)
{
	return rate * MIN(usec, USEC_PER_SEC * 60) / USEC_PER_SEC;
}

static uint64_t rate_of(uint64_t n, usec_t usec)
{
	return CLAMP(n * USEC_PER_SEC / MAX(usec, USEC_PER_MSEC), RATE_MIN, RATE_MAX);
}

static usec_t smooth(usec_t old, usec_t new)
{
	return old ? (old * 7 + new) / 8 : new;
}

static struct link_meter_frame *frame_at(struct link_meter *self, uint32_t seq)
{
	return &self->frames[seq % LINK_METER_FRAMES_MAX];
}

void link_meter_init(struct link_meter *self)
{
	*self = (struct link_meter){ .rate = RATE_AT_FIRST };
}

/* There was no round trip as short as the least one for long: it may have grown. */
static bool is_in_doubt(const struct link_meter *self, usec_t now)
{
	return self->n_since_min >= RTT_MIN_FRAMES && now - self->rtt_min_at > RTT_MIN_USEC;
}

void link_meter_sent(struct link_meter *self, uint32_t seq, size_t n, usec_t now)
{
	if (seq != self->seq) {
		*frame_at(self, seq) = (struct link_meter_frame){
			.began = now,
			.delivered = self->delivered,
			.probe = self->n_frames == 0 && is_in_doubt(self, now),
		};
		self->seq = seq;
		if (self->n_frames < LINK_METER_FRAMES_MAX)
			self->n_frames++;
	}
	frame_at(self, seq)->n += n;
	self->n_bytes += n;
}

void link_meter_coded(struct link_meter *self)
{
	frame_at(self, self->seq)->coded = true;
}

static void note_round_trip(
	struct link_meter *self, const struct link_meter_frame *frame, usec_t took, usec_t now)
{
	/* A picture may have been too large. */
	size_t large = frame->n > PROBE_MAX ? frame->n : 0;
	usec_t empty = took - MIN(usec_of(large, self->rate), took / 2);

	self->rtt = smooth(self->rtt, took);
	self->n_since_min++;
	if (!self->rtt_min || took < self->rtt_min)
		self->rtt_min = MAX(took, 1);
	else if (frame->probe)
		self->rtt_min = MAX(empty, self->rtt_min);
	else if (took > self->rtt_min + self->rtt_min / 8 + USEC_PER_MSEC)
		return;
	self->rtt_min_at = now;
	self->n_since_min = 0;
}

static void fade(struct link_meter *self, usec_t now)
{
	for (; now - self->faded_at >= FADE_USEC && self->queued_bytes;
		self->faded_at += FADE_USEC) {
		self->queued_bytes /= 2;
		self->queued_usec /= 2;
	}
	if (!self->queued_bytes)
		self->faded_at = now;
}

static void note_rate(struct link_meter *self, const struct link_meter_frame *frame, size_t n,
	usec_t began, usec_t arrived, usec_t now)
{
	usec_t again = self->lost_at >= began ? self->rtt_min * LOST_ROUND_TRIPS : 0;
	usec_t earliest = began + self->rtt_min + again;
	usec_t queued = arrived > earliest ? arrived - earliest : 0;
	uint64_t proven = rate_of(self->delivered - frame->delivered, arrived - frame->began);

	if (n < bytes_in(COUNTS_USEC, MIN(self->rate, COUNTS_RATE)))
		return;
	if (!self->known || proven > self->rate) {
		self->known = true;
		self->rate = proven;
		self->queued_bytes = 0;
		self->queued_usec = 0;
	} else if (queued >= JITTER_USEC) {
		fade(self, now);
		self->queued_bytes += n;
		self->queued_usec += arrived - MIN(arrived, MAX(earliest, self->arrived));
		self->rate = MIN(self->rate, rate_of(self->queued_bytes, self->queued_usec));
	}
}

void link_meter_lost(struct link_meter *self, usec_t now)
{
	self->lost_at = now;
}

void link_meter_urge(struct link_meter *self, usec_t until)
{
	self->urgent_until = until;
}

void link_meter_acked(struct link_meter *self, uint32_t seq, usec_t client_usec, usec_t now)
{
	const struct link_meter_frame *frame = frame_at(self, seq);
	uint32_t first = self->seq - self->n_frames + 1;
	uint32_t n_done = seq - first + 1;
	usec_t began, arrived;
	size_t n = 0;

	if (!n_done || n_done > self->n_frames)
		return;
	for (uint32_t i = 0; i < n_done; i++)
		n += frame_at(self, first + i)->n;
	began = frame_at(self, first)->began;
	arrived = now - MIN(client_usec, now - frame->began);
	self->n_frames -= n_done;
	self->n_bytes -= n;
	self->delivered += n;
	self->client = smooth(self->client, now - arrived);
	note_round_trip(self, frame, arrived - frame->began, now);
	note_rate(self, frame, n, began, arrived, now);
	self->arrived = MAX(self->arrived, arrived);
}

static const struct link_meter_frame *newest(const struct link_meter *self)
{
	return &self->frames[self->seq % LINK_METER_FRAMES_MAX];
}

/* One, and as many more as begin within a round trip, at the client's pace. */
static unsigned frames_max(const struct link_meter *self)
{
	usec_t n = 1 + self->rtt_min / MAX(self->client, STEP_USEC);

	if (newest(self)->coded && self->client < CODED_CLIENT_USEC)
		n++;
	return (unsigned)MIN(n, LINK_METER_FRAMES_MAX);
}

usec_t link_meter_next(const struct link_meter *self, usec_t now)
{
	const struct link_meter_frame *last = newest(self);
	usec_t gap;

	if (!self->n_frames)
		return now;
	if (self->n_frames >= frames_max(self) || is_in_doubt(self, now))
		return USEC_NEVER;
	if (now < self->urgent_until)
		return now;
	if (self->n_frames > 1 && self->n_bytes >= bytes_in(self->rtt_min + PIECE_USEC, self->rate))
		return USEC_NEVER;
	gap = usec_of(last->n, self->rate) * 4 / 5;
	if (self->n_frames >= BURST)
		gap = MAX(gap, self->rtt_min / LINK_METER_FRAMES_MAX);
	return MAX(now, last->began + gap);
}

size_t link_meter_frame_max(const struct link_meter *self, usec_t now)
{
	if (is_in_doubt(self, now))
		return PROBE_MAX;
	return CLAMP(bytes_in(FRAME_USEC, self->rate),
		self->rtt_min < STEP_USEC ? LEAST_NEAR : LEAST, FRAME_MAX);
}

size_t link_meter_piece_max(const struct link_meter *self)
{
	return CLAMP(bytes_in(PIECE_USEC, self->rate), LEAST, PIECE_MAX);
}

/* Under way, but more than the link itself holds. */
static size_t waiting(const struct link_meter *self)
{
	uint64_t held = bytes_in(self->rtt_min, self->rate);

	return self->n_bytes > held ? self->n_bytes - held : 0;
}

size_t link_meter_bytes(const struct link_meter *self, usec_t usec)
{
	uint64_t n = bytes_in(usec, self->rate);
	size_t before = waiting(self);

	return n > before ? n - before : 0;
}

usec_t link_meter_usec(const struct link_meter *self, size_t n)
{
	return usec_of((uint64_t)waiting(self) + n, self->rate);
}
