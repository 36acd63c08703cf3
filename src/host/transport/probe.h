/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The last packet before a pause, on a link that loses some. That one was lost TCP learns from
 * what comes after it, a round trip later. After the last there is nothing, and TCP itself waits
 * for two round trips and 200 ms before it sends something (RFC 8985, 7.2). The echo of a key is
 * such a one.
 *
 * So something small that means nothing follows it a quarter of a round trip later: where the way
 * is long, and only while packets get lost. What the kernel knows of (TCP_INFO) is the way to
 * whoever it talks to, which may be a proxy; then there is nothing to be done here.
 */

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base/clock.h"

/* A link is one that loses packets for so long after it has lost one. */
#define PROBE_MEMORY_USEC (60 * USEC_PER_SEC)
/* And long from a round trip of this on. */
#define PROBE_LONG_USEC (40 * USEC_PER_MSEC)

/* What struct tcp_info tells, and when that was. */
struct probe_link {
	usec_t round_trip;
	unsigned n_lost;    /* packets sent again so far */
	unsigned n_unacked; /* packets under way */
	usec_t silent;	    /* since data was sent last */
};

struct probe {
	sd_event *event; /* borrowed, as all */
	void (*due)(void *data);
	void *data;
	int fd;
	sd_event_source *timer; /* NULL until it was needed */
	unsigned n_lost;
	usec_t lost_at;	   /* 0: never */
	usec_t round_trip; /* when it was last looked at */
};

/* @due: now something is to be sent. Of the connected TCP socket @fd. */
void probe_init(struct probe *self, sd_event *event, int fd, void (*due)(void *data), void *data);
void probe_finish(struct probe *self);

/* Data was handed to the socket. */
void probe_sent(struct probe *self);

/* How many packets were lost so far, either way; 0 as well when that is not known. */
unsigned probe_count_lost(const struct probe *self);

/* Is it a long way that has lost packets of late? */
bool probe_is_lossy(const struct probe *self, usec_t now);

/* For tests: when it is due after data was sent @now; USEC_NEVER: not at all. */
usec_t probe_next(struct probe *self, const struct probe_link *link, usec_t now);
