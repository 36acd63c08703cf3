/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/pacer.h"

#include <errno.h>

#include "host/connection.h"

_Static_assert(ENCODE_HEADROOM >= CONNECTION_HEADROOM + STREAM_PICTURE_HEADER_MAX, "room");

static struct pacer *pacer_of(const struct member *member)
{
	return list_entry(member, struct pacer, member);
}

static bool is_ready(const struct member *member)
{
	usec_t now = clock_now();

	return link_meter_next(&pacer_of(member)->meter, now) <= now;
}

static void get_limits(
	const struct member *member, usec_t now, size_t *ret_frame, size_t *ret_piece)
{
	const struct link_meter *meter = &pacer_of(member)->meter;

	*ret_frame = link_meter_frame_max(meter, now);
	*ret_piece = link_meter_piece_max(meter);
}

static size_t get_rate(const struct member *member)
{
	return pacer_rate(pacer_of(member));
}

static usec_t get_echo(const struct member *member)
{
	const struct pacer *self = pacer_of(member);

	return self->has_twin ? 0 : self->meter.urgent_until;
}

static void begin(struct member *member, usec_t now)
{
	struct pacer *self = pacer_of(member);

	self->seq++;
	if (!self->waits_since)
		self->waits_since = now;
}

static void wake(struct member *member)
{
	struct pacer *self = pacer_of(member);

	self->wake(self->data);
}

static const struct member_events member_events = {
	.is_ready = is_ready,
	.begin = begin,
	.get_limits = get_limits,
	.get_rate = get_rate,
	.get_echo = get_echo,
	.wake = wake,
};

int pacer_init(struct pacer *self, struct groups *groups, unsigned decodes,
	void (*wake_client)(void *data), void *data)
{
	*self = (struct pacer){ .event = groups->event, .wake = wake_client, .data = data };
	link_meter_init(&self->meter);
	return member_init(&self->member, groups, decodes, &member_events);
}

void pacer_finish(struct pacer *self)
{
	self->timer = sd_event_source_disable_unref(self->timer);
	member_finish(&self->member);
}

static int handle_timer(sd_event_source *source, uint64_t usec, void *data)
{
	struct pacer *self = data;

	(void)source;
	(void)usec;
	member_handle_ready(&self->member);
	return 0;
}

/* Without it, it is ready at the next ACK. */
static void await_time(struct pacer *self, usec_t now)
{
	usec_t next = link_meter_next(&self->meter, now);

	if (next <= now || next == USEC_NEVER)
		return;
	if (!self->timer)
		sd_event_add_time(self->event, &self->timer, CLOCK_MONOTONIC, next, 1,
			handle_timer, self);
	else if (sd_event_source_set_time(self->timer, next) >= 0)
		sd_event_source_set_enabled(self->timer, SD_EVENT_ONESHOT);
}

int pacer_produce(struct pacer *self, struct member_piece *ret)
{
	int r = member_take(&self->member, ret);
	usec_t now = clock_now();

	if (r < 0)
		return r;
	link_meter_sent(&self->meter, self->seq,
		ret->n + (ret->more ? STREAM_FRAME_HEADER_SIZE : STREAM_FRAME_HEADER_MAX), now);
	if (ret->codec)
		link_meter_coded(&self->meter);
	if (!ret->more)
		await_time(self, now);
	return 0;
}

void pacer_await_echo(struct pacer *self, usec_t now)
{
	link_meter_urge(&self->meter, now + PACER_ECHO_USEC);
}

void pacer_note_losses(struct pacer *self, unsigned n)
{
	if (n != self->n_lost)
		link_meter_lost(&self->meter, clock_now());
	self->n_lost = n;
}

int pacer_ack(struct pacer *self, uint32_t seq, usec_t client_usec)
{
	usec_t now = clock_now();
	uint32_t sent = self->member.open ? self->seq - 1 : self->seq;

	/* Numbers may wrap around: what counts is how far they are ahead. */
	if (seq == self->acked || seq - self->acked > sent - self->acked)
		return -EBADMSG;
	self->acked = seq;
	self->waits_since = seq == self->seq ? 0 : now;
	link_meter_acked(&self->meter, seq, client_usec, now);
	await_time(self, now);
	member_handle_ready(&self->member);
	return 0;
}
