/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What the ACKs of one viewer say about the link to it, and what follows: how many frames may
 * be under way, and how large they may be, so that a link is kept busy and nothing waits in it.
 *
 * Measured from end to end, not asked of the kernel: behind `ssh -L` or a proxy that knows the
 * first part of the way only. Two things are estimated.
 *
 * The round trip without load is the least one of late. When none was as short for a while, one
 * small frame is sent alone to see whether there still is such a thing.
 *
 * The rate comes from two sides. What was delivered from a frame's beginning to its ACK, over
 * that time, cannot be more than the link's rate, and less only if the link was not busy: that
 * raises the estimate, as BBR does it (draft-cardwell-iccrg-bbr-congestion-control). What a
 * frame that had to queue took, after the one before it, is the rate itself, though with
 * jitter: the sums of bytes and of times over the last second or so lower it. Frames so small
 * that their time says more about the viewer's machine than about the link do not count.
 *
 * A packet that is lost on the way holds up all that comes behind it, a round trip and more; one
 * that was lost again, several. So much of a frame's time says nothing of the rate if packets were
 * lost while it was under way, either way. A queue that overflows takes longer than that.
 *
 * A viewer's machine that is late, busy with other things, looks like a slow link. Where several
 * frames are under way it does not for long, since what is late comes together. Where one is, the
 * way is so short that the link hardly is slow: there frames are never cut to less than 64 KiB,
 * or each small one would be the reason for a smaller one.
 *
 * A viewer may say anything: estimates are bounded, and who lies spoils his own picture only.
 *
 * Pure arithmetic on times that the caller passes in, so that a test can walk it over any link.
 * Times must not go back. Governing: NET-01 to NET-03, and "A frame" of docs/protocol.md.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#define LINK_METER_FRAMES_MAX 16 /* under way; a power of two */

struct link_meter {
	struct link_meter_frame {
		usec_t began;
		size_t n;                /* bytes handed over so far */
		uint64_t delivered;      /* our sum of that name, when it began */
		bool probe;              /* sent alone, to see what the round trip is now */
		bool coded;              /* it ends with a coded picture */
	} frames[LINK_METER_FRAMES_MAX]; /* under way: at seq modulo their number */
	uint32_t seq;                    /* of the newest; 0: none yet */
	unsigned n_frames;
	size_t n_bytes; /* of them */

	uint64_t delivered; /* bytes in all */
	usec_t arrived; /* when the last frame came to the client's end, plus the way back */

	usec_t rtt_min; /* 0: not known yet */
	usec_t rtt_min_at;
	unsigned n_since_min; /* frames */
	usec_t rtt;           /* smoothed; of frames, so with their own transmission */
	usec_t client;        /* smoothed: decoding and painting */

	usec_t lost_at;      /* when packets were lost, as far as is known; 0: never */
	usec_t urgent_until; /* see link_meter_urge() */

	uint64_t rate;         /* bytes/s */
	bool known;            /* it was measured */
	uint64_t queued_bytes; /* of frames that had to queue, */
	usec_t queued_usec;    /* and how long they took; both fade */
	usec_t faded_at;
};

void link_meter_init(struct link_meter *self);

/*
 * @n bytes of the frame @seq, headers included, go to the transport now. A @seq that is not the
 * newest begins a frame: it must be the next one, and its time have come by link_meter_next().
 */
void link_meter_sent(struct link_meter *self, uint32_t seq, size_t n, usec_t now);

/* The newest frame ends with a coded picture: another may begin while the viewer decodes that. */
void link_meter_coded(struct link_meter *self);

/*
 * The viewer has painted @seq and all before it. @client_usec: how long it says that it decoded
 * and painted. What is not under way is ignored.
 */
void link_meter_acked(struct link_meter *self, uint32_t seq, usec_t client_usec, usec_t now);

/* Packets were lost since it was told last: before the ACK that they may have held up. */
void link_meter_lost(struct link_meter *self, usec_t now);

/* Until then frames are small, and each is awaited: none waits for what was sent before it. */
void link_meter_urge(struct link_meter *self, usec_t until);

/*
 * When may another frame begin? The one before it must be complete. @now: at once, as always
 * when none is under way; USEC_NEVER: ask again after the next ACK; else ask again then: frames
 * that follow each other are spread, so that none waits in the link.
 */
usec_t link_meter_next(const struct link_meter *self, usec_t now);

/*
 * A frame that has so many bytes ends, even if more is dirty: what is left goes in the next
 * one, which can then begin with what is more urgent. 1 KiB, on a short way 64 KiB, to 16 MiB.
 */
size_t link_meter_frame_max(const struct link_meter *self, usec_t now);

/* A message that has so many ends, so that others find their way between. 1 to 128 KiB. */
size_t link_meter_piece_max(const struct link_meter *self);

/* How many bytes, handed over now, arrive within @usec after the first possibly can. */
size_t link_meter_bytes(const struct link_meter *self, usec_t usec);

/* The reverse: how much later than the first the last of @n bytes arrives. */
usec_t link_meter_usec(const struct link_meter *self, size_t n);
