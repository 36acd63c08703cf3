/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/attempts.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"

struct rate {
	unsigned burst;
	usec_t every; /* one more attempt per this time */
};

static const struct rate source_rate = { .burst = 8, .every = 70 * USEC_PER_SEC };
static const struct rate all_rate = { .burst = 20, .every = 1 * USEC_PER_SEC };

static void refill(struct attempts_bucket *bucket, const struct rate *rate, usec_t now)
{
	usec_t full = rate->burst * rate->every;

	bucket->credit += now - bucket->at;
	if (bucket->credit > full)
		bucket->credit = full;
	bucket->at = now;
}

static void fill(struct attempts_bucket *bucket, const struct rate *rate, usec_t now)
{
	*bucket = (struct attempts_bucket){ .credit = rate->burst * rate->every, .at = now };
}

void attempts_init(struct attempts *self, usec_t now)
{
	*self = (struct attempts){ 0 };
	fill(&self->all, &all_rate, now);
}

/* The source's bucket; one that is new gets the place of the one idle for longest. */
static struct attempts_bucket *find(struct attempts *self, const char *source, usec_t now)
{
	size_t oldest = 0;

	for (size_t i = 0; i < ATTEMPTS_N_SOURCES; i++) {
		if (str_equal(self->sources[i].source, source))
			return &self->sources[i].bucket;
		if (self->sources[i].bucket.at < self->sources[oldest].bucket.at)
			oldest = i;
	}
	snprintf(self->sources[oldest].source, sizeof(self->sources[oldest].source), "%s", source);
	fill(&self->sources[oldest].bucket, &source_rate, now);
	return &self->sources[oldest].bucket;
}

bool attempts_take(struct attempts *self, const char *source, usec_t now, usec_t *ret_wait)
{
	struct attempts_bucket *bucket = find(self, source, now);
	usec_t wait_source, wait_all;

	refill(bucket, &source_rate, now);
	refill(&self->all, &all_rate, now);
	wait_source = bucket->credit < source_rate.every ? source_rate.every - bucket->credit : 0;
	wait_all = self->all.credit < all_rate.every ? all_rate.every - self->all.credit : 0;
	if (wait_source || wait_all) {
		*ret_wait = wait_source > wait_all ? wait_source : wait_all;
		return false;
	}
	bucket->credit -= source_rate.every;
	self->all.credit -= all_rate.every;
	return true;
}

void attempts_forgive(struct attempts *self, const char *source, usec_t now)
{
	fill(find(self, source, now), &source_rate, now);
}
