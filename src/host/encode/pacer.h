/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * One viewer's place in the picture: which frames are under way to it, and
 * whether another may follow. What changes meanwhile is merged by its group
 * (group.h); nothing is ever queued. A large frame goes out in pieces, with
 * whatever else is due in between.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "host/encode/group.h"
#include "host/encode/link-meter.h"
#include "wire/stream.h"

/* So long after the viewer has typed its echo is awaited. */
#define PACER_ECHO_USEC (1 * USEC_PER_SEC)

struct pacer {
	struct member member;
	struct link_meter meter;
	sd_event *event; /* borrowed */
	sd_event_source *timer; /* when another frame may follow; NULL until it was needed */
	uint32_t seq;	/* of the newest frame; 0: none yet */
	uint32_t acked; /* painted, with all before it */
	usec_t waits_since; /* for an ACK; 0: for none */
	unsigned n_lost;    /* packets, either way, as far as is known */
	bool has_twin; /* echoes have a way of their own, films need not make room; the client's */
	void (*wake)(void *data);
	void *data; /* borrowed */
};

/*
 * The whole screen is dirty. @decodes: as stream_sign_in's. @wake: pacer_is_due() has become true,
 * not for what a call here tells. -ENOMEM; needs no finish then.
 */
int pacer_init(struct pacer *self, struct groups *groups, unsigned decodes,
	void (*wake)(void *data), void *data);
void pacer_finish(struct pacer *self);

/* Is there something to produce now? */
static inline bool pacer_is_due(const struct pacer *self)
{
	return member_is_due(&self->member);
}

/* The body of the next FRAME message, which is of @self->seq; only when due. Returns as
 * member_take(). */
int pacer_produce(struct pacer *self, struct member_piece *ret);

/*
 * The viewer has painted @seq and all before it, and says that it decoded and painted for so long.
 * -EBADMSG: it cannot have, or has said so.
 */
int pacer_ack(struct pacer *self, uint32_t seq, usec_t client_usec);

/* So many packets have been lost so far, either way; before pacer_ack(). */
void pacer_note_losses(struct pacer *self, unsigned n);

/* Bytes per second that its link takes; 0: not known. */
static inline size_t pacer_rate(const struct pacer *self)
{
	return self->meter.known ? (size_t)self->meter.rate : 0;
}

/* The viewer has just typed or clicked, over a link where films would hold up what comes of it. */
void pacer_await_echo(struct pacer *self, usec_t now);

/* After scene_update() and scene_move(). */
static inline void pacer_handle_damage(struct pacer *self)
{
	member_handle_damage(&self->member);
}

/* After scene_resize(). -ENOMEM: the viewer must go. */
static inline int pacer_handle_resize(struct pacer *self)
{
	return member_handle_resize(&self->member);
}
