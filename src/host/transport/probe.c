/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/transport/probe.h"

#include <linux/tcp.h> /* knows more of struct tcp_info than <netinet/tcp.h> */
#include <netinet/in.h>
#include <sys/socket.h>

#define PART 4 /* of a round trip */

void probe_init(struct probe *self, sd_event *event, int fd, void (*due)(void *data), void *data)
{
	*self = (struct probe){ .event = event, .due = due, .data = data, .fd = fd };
}

void probe_finish(struct probe *self)
{
	self->timer = sd_event_source_disable_unref(self->timer);
}

/* An older kernel leaves what it does not know. */
static bool get_info(const struct probe *self, struct tcp_info *ret)
{
	socklen_t size = sizeof(*ret);

	*ret = (struct tcp_info){ 0 };
	return getsockopt(self->fd, IPPROTO_TCP, TCP_INFO, ret, &size) >= 0;
}

static bool look(const struct probe *self, struct probe_link *ret)
{
	struct tcp_info info;

	if (!get_info(self, &info))
		return false;
	*ret = (struct probe_link){
		.round_trip = info.tcpi_rtt,
		.n_lost = info.tcpi_total_retrans,
		.n_unacked = info.tcpi_unacked,
		.silent = info.tcpi_last_data_sent * USEC_PER_MSEC,
	};
	return true;
}

/* What comes out of order comes after something that is missing. */
unsigned probe_count_lost(const struct probe *self)
{
	struct tcp_info info;

	return get_info(self, &info) ? info.tcpi_total_retrans + info.tcpi_rcv_ooopack : 0;
}

bool probe_is_lossy(const struct probe *self, usec_t now)
{
	return self->lost_at && now - self->lost_at <= PROBE_MEMORY_USEC
	       && self->round_trip >= PROBE_LONG_USEC;
}

usec_t probe_next(struct probe *self, const struct probe_link *link, usec_t now)
{
	if (link->n_lost != self->n_lost) {
		self->n_lost = link->n_lost;
		self->lost_at = now;
	}
	self->round_trip = link->round_trip;
	return probe_is_lossy(self, now) ? now + link->round_trip / PART : USEC_NEVER;
}

/* What has followed by itself, or has come in the meantime, needs no help. */
static int handle_timer(sd_event_source *source, uint64_t usec, void *data)
{
	struct probe *self = data;
	struct probe_link link;

	(void)source;
	(void)usec;
	if (look(self, &link) && link.n_unacked && link.silent >= link.round_trip / PART / 2)
		self->due(self->data);
	return 0;
}

/* Without a timer TCP does what it can. */
void probe_sent(struct probe *self)
{
	struct probe_link link;
	usec_t next = USEC_NEVER;

	if (look(self, &link))
		next = probe_next(self, &link, clock_now());
	if (next == USEC_NEVER)
		return;
	if (!self->timer)
		sd_event_add_time(self->event, &self->timer, CLOCK_MONOTONIC, next,
			USEC_PER_MSEC, handle_timer, self);
	else if (sd_event_source_set_time(self->timer, next) >= 0)
		sd_event_source_set_enabled(self->timer, SD_EVENT_ONESHOT);
}
