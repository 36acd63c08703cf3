/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What changes just after a viewer has typed, once more and by itself, for his second connection
 * (host/twin.h). An ECHO needs nothing that came before and goes into one packet; it is made when
 * that connection can take it, however long the frame with the same pixels has to wait, which
 * follows in any case: so an echo may leave out what it likes. The smallest rectangles are in it,
 * which are letters and cursors, and nothing of films.
 *
 * What an echo has shown the viewer's picture may not have yet. So the encoder does not take it
 * for granted there, even when all is as it was before; see member_forget().
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "host/encode/deflater.h"
#include "host/encode/group.h"
#include "host/scene/scene.h"

/* Bytes of a body: with all headers less than the smallest MTU of IPv6 (RFC 8200, 5). */
#define ECHO_MAX 1180
#define ECHO_RECTS_MAX 32

/*
 * A part of the link: what blinks beside what is typed is not to fill it twice. And so much at
 * once, as echoes of a key come in several pieces.
 */
#define ECHO_RATE_PART 8
#define ECHO_BURST 2400
/* Bytes per second where the link's rate is not known. */
#define ECHO_RATE 16000

/* Of one viewer. Zeroes: it has no second connection. */
struct echo {
	struct scene *scene;    /* borrowed */
	struct scene_view view; /* while @is_on */
	bool is_on;
	usec_t until; /* it is on */
	struct deflater deflater;
	bool has_deflater;
	size_t credit; /* bytes that may go now, */
	usec_t filled; /* as of then */
};

void echo_init(struct echo *self, struct scene *scene);

/* Takes zeroes. */
void echo_finish(struct echo *self);

/* What changes from now until then is to be shown. Without memory there are no echoes. */
void echo_start(struct echo *self, usec_t until);

/* Something has changed. Is there perhaps an echo to make? */
bool echo_handle_damage(struct echo *self, usec_t now);

/**
 * echo_make() - the body of an ECHO, of what has changed since the last one
 * @member: the viewer's
 * @rate:   bytes per second that its link takes; 0: not known
 * @ret:    borrowed until the next call
 *
 * Returns how many bytes there are; 0: there is nothing that is small enough, it is too soon after
 * others, or there is no memory.
 */
size_t echo_make(
	struct echo *self, struct member *member, size_t rate, usec_t now, uint8_t **ret);
