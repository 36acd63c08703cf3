/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/stats.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

static const char *const kind_names[] = {
	[STATS_SOLID] = "solid",
	[STATS_PALETTE] = "palette",
	[STATS_RAW] = "raw",
	[STATS_DELTA] = "delta",
	[STATS_COPY] = "copy",
	[STATS_STORE] = "store",
	[STATS_CACHED] = "cached",
	[STATS_JPEG] = "jpeg",
	[STATS_VP9] = "vp9",
	[STATS_H264] = "h264",
};

static const char *const stage_names[] = {
	[STATS_INPUT] = "input",
	[STATS_APPLICATION] = "application",
	[STATS_DAMAGE] = "damage",
	[STATS_CAPTURE] = "capture",
	[STATS_ANALYSE] = "analyse",
	[STATS_ENCODE] = "encode",
	[STATS_QUEUE] = "queue",
	[STATS_NETWORK] = "network",
	[STATS_DECODE] = "decode",
	[STATS_PAINT] = "paint",
	[STATS_ECHO] = "echo",
};

_Static_assert(ARRAY_SIZE(kind_names) == STATS_N_KINDS, "each kind has its name");
_Static_assert(ARRAY_SIZE(stage_names) == STATS_N_STAGES, "each stage has its name");

void stats_init(struct stats *self, usec_t wall)
{
	*self = (struct stats){ .since = wall };
}

void stats_read(struct stats *self, bool changed)
{
	self->n_reads++;
	self->n_unchanged += !changed;
}

/* --- the last frames --- */

void stats_history_add(struct stats_history *self, const struct stats_frame *frame)
{
	self->ring[self->n % STATS_N_FRAMES] = *frame;
	/* A counter that wraps stays as far from 0 as a full ring needs. */
	self->n = self->n == UINT32_MAX ? UINT32_MAX - STATS_N_FRAMES + 1 : self->n + 1;
}

static int compare(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

static usec_t usec_of(uint16_t units)
{
	return (usec_t)units * STREAM_TIME_USEC;
}

void stats_history_sum_up(
	const struct stats_history *self, enum stats_stage stage, struct stats_summary *ret)
{
	unsigned n_kept = self->n < STATS_N_FRAMES ? self->n : STATS_N_FRAMES, n = 0;
	uint16_t known[STATS_N_FRAMES];

	for (unsigned i = 0; i < n_kept; i++) {
		if (self->ring[i].stages[stage])
			known[n++] = self->ring[i].stages[stage];
	}
	*ret = (struct stats_summary){ .n = n };
	if (!n)
		return;
	qsort(known, n, sizeof(*known), compare);
	ret->median = usec_of(known[n / 2]);
	ret->p99 = usec_of(known[(n * 99 + 99) / 100 - 1]);
	ret->max = usec_of(known[n - 1]);
}

/* --- a viewer --- */

void stats_viewer_init(struct stats_viewer *self, struct stats *host)
{
	*self = (struct stats_viewer){ .host = host };
	host->n_viewers++;
}

void stats_viewer_came(struct stats_viewer *self, size_t n, bool is_input)
{
	self->counters.bytes_up += n;
	self->counters.n_inputs += is_input;
	self->host->counters.bytes_up += n;
	self->host->counters.n_inputs += is_input;
}

static void add_work(struct stats_work *self, const struct stats_work *work)
{
	for (int i = 0; i < STATS_N_KINDS; i++)
		self->operations[i] += work->operations[i];
	self->pixels += work->pixels;
}

void stats_viewer_went(struct stats_viewer *self, size_t n)
{
	self->counters.bytes_down += n;
	self->host->counters.bytes_down += n;
}

void stats_viewer_worked(struct stats_viewer *self, const struct stats_work *work)
{
	add_work(&self->counters.work, work);
	add_work(&self->host->counters.work, work);
}

static void forget(struct stats_viewer *self, unsigned n)
{
	self->n_under_way -= n;
	memmove(self->under_way, self->under_way + n,
		self->n_under_way * sizeof(*self->under_way));
}

void stats_viewer_sent(
	struct stats_viewer *self, uint32_t seq, const struct stream_times *times, usec_t now)
{
	self->counters.n_frames++;
	self->host->counters.n_frames++;
	if (self->n_under_way == STATS_UNDER_WAY_MAX)
		forget(self, 1);
	self->under_way[self->n_under_way++] = (struct stats_sent){ seq, now, *times };
}

static uint16_t sum_up_to_ack(const struct stream_times *times, usec_t rtt)
{
	usec_t units = (usec_t)times->input + times->application + times->damage
		+ times->capture + times->analyse + times->encode + times->queue;

	return times->input ? stream_time(units * STREAM_TIME_USEC + rtt) : 0;
}

/* What the viewer says of itself is its word: it makes the network take no less than 0. */
static usec_t less(usec_t whole, usec_t part)
{
	return whole > part ? whole - part : 0;
}

static void take_times(struct stats_viewer *self, const struct stats_sent *sent,
	uint16_t decode, uint16_t paint, usec_t now)
{
	const struct stream_times *times = &sent->times;
	usec_t whole = less(now, sent->at);
	usec_t network = less(whole, usec_of(decode) + usec_of(paint));
	const struct stats_frame frame = { {
		[STATS_INPUT] = times->input,
		[STATS_APPLICATION] = times->application,
		[STATS_DAMAGE] = times->damage,
		[STATS_CAPTURE] = times->capture,
		[STATS_ANALYSE] = times->analyse,
		[STATS_ENCODE] = times->encode,
		[STATS_QUEUE] = times->queue,
		[STATS_NETWORK] = stream_time(network),
		[STATS_DECODE] = decode,
		[STATS_PAINT] = paint,
		[STATS_ECHO] = sum_up_to_ack(times, whole),
	} };

	self->rtt = network ? network : 1;
	if (!self->rtt_best || self->rtt < self->rtt_best)
		self->rtt_best = self->rtt;
	stats_history_add(&self->history, &frame);
}

void stats_viewer_acked(
	struct stats_viewer *self, uint32_t seq, uint16_t decode, uint16_t paint, usec_t now)
{
	unsigned i = 0;

	while (i < self->n_under_way && self->under_way[i].seq != seq)
		i++;
	if (i == self->n_under_way)
		return;
	/* All before it are painted too. */
	self->counters.n_acks += i + 1;
	self->host->counters.n_acks += i + 1;
	take_times(self, &self->under_way[i], decode, paint, now);
	forget(self, i + 1);
}

/* --- the document --- */

static json_t *count(uint64_t n)
{
	return json_integer((json_int_t)(n > INT64_MAX ? INT64_MAX : n));
}

static json_t *count_or_null(uint64_t n)
{
	return n ? count(n) : json_null();
}

static json_t *operations_to_json(const struct stats_work *work)
{
	json_t *object = json_object();

	for (int i = 0; object && i < STATS_N_KINDS; i++) {
		if (json_object_set_new_nocheck(
			    object, kind_names[i], count(work->operations[i]))
			< 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *summary_to_json(const struct stats_summary *summary)
{
	if (!summary->n)
		return json_null();
	return json_pack("{si so so so}", "frames", (int)summary->n, "median",
		count(summary->median), "p99", count(summary->p99), "max", count(summary->max));
}

static json_t *stages_to_json(const struct stats_history *history)
{
	json_t *object = json_object();

	for (int i = 0; object && i < STATS_N_STAGES; i++) {
		struct stats_summary summary;

		stats_history_sum_up(history, (enum stats_stage)i, &summary);
		if (json_object_set_new_nocheck(
			    object, stage_names[i], summary_to_json(&summary))
			< 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *counters_to_json(const struct stats_counters *self)
{
	return json_pack("{so so so so so so so}", "frames", count(self->n_frames),
		"acknowledged", count(self->n_acks), "inputs", count(self->n_inputs),
		"bytes_down", count(self->bytes_down), "bytes_up", count(self->bytes_up),
		"pixels", count(self->work.pixels), "operations",
		operations_to_json(&self->work));
}

/* @more: taken; its keys come behind those of @object, which is given back, or NULL. */
static json_t *extend(json_t *object, json_t *more)
{
	if (object && (!more || json_object_update(object, more) < 0)) {
		json_decref(object);
		object = NULL;
	}
	json_decref(more);
	return object;
}

json_t *stats_viewer_to_json(const struct stats_viewer *self, uint64_t rate, json_t *who)
{
	return extend(extend(who, counters_to_json(&self->counters)),
		json_pack("{si so so so so}", "under_way", (int)self->n_under_way, "rtt",
			count_or_null(self->rtt), "rtt_best", count_or_null(self->rtt_best),
			"rate", count_or_null(rate), "stages", stages_to_json(&self->history)));
}

json_t *stats_to_json(const struct stats *self, json_t *viewers, size_t n_left_out)
{
	char since[CLOCK_TEXT_MAX];
	json_t *host = extend(counters_to_json(&self->counters),
		json_pack("{si ss so so so so so}", "pid", (int)getpid(), "since",
			clock_format(self->since, since), "cpu", count(clock_cpu()), "reads",
			count(self->n_reads), "unchanged", count(self->n_unchanged),
			"viewers_so_far", count(self->n_viewers), "requests",
			count(self->n_requests)));

	return json_pack("{so so sI}", "host", host, "viewers", viewers, "viewers_left_out",
		(json_int_t)n_left_out);
}
