/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/link-meter.h"

#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "base/mem.h"
#include "unit/random.h"
#include "unit/test.h"

#define STEP (USEC_PER_MSEC / 4)
#define RECORDS 65536

/*
 * A link that takes all that it is given, sends it on at its rate, one thing after another, and
 * delivers it half a round trip later; and a viewer that acknowledges each frame. So what waits
 * in it is what the meter let in: no socket holds anything back.
 */
struct line {
	uint64_t rate; /* bytes/s */
	usec_t rtt;
	usec_t jitter;    /* at most, of an ACK */
	usec_t client;    /* decoding and painting */
	bool coded;       /* frames end with coded pictures */
	size_t frame_max; /* what there is to send; SIZE_MAX: always more */
	usec_t every;     /* at most a frame in so long; 0: whenever it may begin */
	unsigned loses;   /* of so many frames one is sent again; 0: none */
	bool tells_lost;  /* packets are said to be lost whenever an ACK comes */

	struct link_meter meter;
	struct random random;
	usec_t now;
	usec_t free;  /* when the link has sent what it has */
	usec_t ready; /* when the client has painted what it has */
	usec_t last;  /* begin of a frame */
	uint32_t seq;
	uint32_t acked;
	usec_t ack_at[LINK_METER_FRAMES_MAX];
	usec_t spent[LINK_METER_FRAMES_MAX]; /* by the client, waiting included */

	/* Of all frames: when they came, how old they were then, how much. */
	struct {
		usec_t at, age;
		size_t n;
	} came[RECORDS];
	size_t n_came;
	unsigned under_way_max;
};

static struct line *make(uint64_t kbit, usec_t rtt)
{
	struct line *self = xnew(struct line);

	*self = (struct line){
		.rate = kbit * 1000 / 8,
		.rtt = rtt,
		.frame_max = SIZE_MAX,
		.now = USEC_PER_SEC,
	};
	link_meter_init(&self->meter);
	return self;
}

static void send_frame(struct line *self)
{
	size_t most = MIN(link_meter_frame_max(&self->meter, self->now), self->frame_max);
	usec_t arrives;

	self->seq++;
	self->last = self->now;
	for (size_t sent = 0; sent < most;) {
		size_t n = MIN(link_meter_piece_max(&self->meter), most - sent);

		link_meter_sent(&self->meter, self->seq, n, self->now);
		sent += n;
	}
	if (self->coded)
		link_meter_coded(&self->meter);
	self->free = MAX(self->free, self->now) + most * USEC_PER_SEC / self->rate;
	arrives = self->free + self->rtt / 2;
	if (self->loses && self->seq % self->loses == 0)
		arrives += self->rtt * 5 / 4;
	self->ready = MAX(self->ready, arrives) + self->client;
	self->spent[self->seq % LINK_METER_FRAMES_MAX] = self->ready - arrives;
	assert_true(self->n_came < RECORDS);
	self->came[self->n_came].at = self->ready;
	self->came[self->n_came].age = self->ready - self->now;
	self->came[self->n_came++].n = most;
	self->ack_at[self->seq % LINK_METER_FRAMES_MAX] = self->ready + self->rtt / 2
		+ (self->jitter ? (usec_t)random_below(&self->random, (int)self->jitter) : 0);
	self->under_way_max = MAX(self->under_way_max, self->seq - self->acked);
}

static void acknowledge(struct line *self)
{
	uint32_t seq = ++self->acked;

	if (self->tells_lost)
		link_meter_lost(&self->meter, self->now);
	link_meter_acked(&self->meter, seq, self->spent[seq % LINK_METER_FRAMES_MAX], self->now);
}

static void run(struct line *self, usec_t usec)
{
	for (usec_t end = self->now + usec; self->now < end; self->now += STEP) {
		while (self->acked < self->seq
			&& self->ack_at[(self->acked + 1) % LINK_METER_FRAMES_MAX] <= self->now)
			acknowledge(self);
		while (self->frame_max && self->now - self->last >= self->every
			&& link_meter_next(&self->meter, self->now) <= self->now) {
			assert_true(self->seq - self->acked < LINK_METER_FRAMES_MAX);
			send_frame(self);
			if (self->every)
				break;
		}
	}
}

/* Of the frames that came since. */
static usec_t oldest_since(const struct line *self, usec_t since)
{
	usec_t oldest = 0;

	for (size_t i = 0; i < self->n_came; i++) {
		if (self->came[i].at >= since)
			oldest = MAX(oldest, self->came[i].age);
	}
	return oldest;
}

static uint64_t rate_between(const struct line *self, usec_t since, usec_t until)
{
	size_t n = 0;

	for (size_t i = 0; i < self->n_came; i++) {
		if (self->came[i].at >= since && self->came[i].at < until)
			n += self->came[i].n;
	}
	return n * USEC_PER_SEC / (until - since);
}

static void assert_within(uint64_t value, uint64_t least, uint64_t most)
{
	if (value < least || value > most)
		fail_msg("%llu is not from %llu to %llu", (unsigned long long)value,
			(unsigned long long)least, (unsigned long long)most);
}

/* All of it is used; a frame more or less may fall into the time. */
static void assert_busy(const struct line *self, usec_t since)
{
	assert_within(rate_between(self, since, self->now), self->rate * 85 / 100,
		self->rate * 101 / 100);
}

/* NET-01, NET-02: whatever the link, it is kept busy, and nothing waits long. */
static void test_a_link_is_filled_and_nothing_waits_in_it(void **state)
{
	(void)state;
	static const struct {
		uint64_t kbit;
		usec_t rtt, jitter;
	} cases[] = {
		{ 200, 600, 20 },
		{ 1000, 20, 5 },
		{ 1000, 200, 0 },
		{ 1000, 200, 10 },
		{ 10000, 200, 0 },
		{ 10000, 200, 10 },
		{ 20000, 20, 0 },
		{ 20000, 40, 5 },
		{ 100000, 5, 1 },
		{ 100000, 100, 5 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(free) struct line *line = make(cases[i].kbit, cases[i].rtt * USEC_PER_MSEC);
		usec_t settled = line->now + 3 * USEC_PER_SEC + 10 * line->rtt;

		line->jitter = cases[i].jitter * USEC_PER_MSEC;
		run(line, settled + 60 * USEC_PER_SEC - line->now);
		assert_busy(line, settled);
		assert_within(oldest_since(line, settled), line->rtt / 2,
			line->rtt + 120 * USEC_PER_MSEC);
		assert_within(line->meter.rate, line->rate * 3 / 4, line->rate * 5 / 4);
	}
}

/* NET-03. */
static void test_frames_are_young_again_three_seconds_after_a_step_of_the_rate(void **state)
{
	(void)state;
	static const struct {
		usec_t rtt;
		bool tells_lost; /* a queue that is too short loses some all the time */
	} cases[] = {
		{ 10, false },
		{ 20, false },
		{ 40, false },
		{ 80, false },
		{ 10, true },
		{ 40, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(free) struct line *line = make(20000, cases[i].rtt * USEC_PER_MSEC);
		uint64_t fast = line->rate, slow = fast / 20;

		line->tells_lost = cases[i].tells_lost;
		run(line, 10 * USEC_PER_SEC);
		for (unsigned n = 0; n < 2; n++) {
			line->rate = slow;
			run(line, 10 * USEC_PER_SEC);
			assert_within(oldest_since(line, line->now - 7 * USEC_PER_SEC), 1,
				line->rtt + 500 * USEC_PER_MSEC);
			assert_busy(line, line->now - 7 * USEC_PER_SEC);
			line->rate = fast;
			run(line, 10 * USEC_PER_SEC);
			assert_within(oldest_since(line, line->now - 9 * USEC_PER_SEC), 1,
				line->rtt + 500 * USEC_PER_MSEC);
			assert_busy(line, line->now - 7 * USEC_PER_SEC);
		}
	}
}

/* NET-01: what a frame of a film takes longer, and all behind it, is not the link's rate. */
static void test_a_lost_packet_is_no_slow_link(void **state)
{
	(void)state;
	static const bool tells[] = { true, false };

	for (size_t i = 0; i < ARRAY_SIZE(tells); i++) {
		CLEANUP(free) struct line *line = make(1000, 200 * USEC_PER_MSEC);

		run(line, 5 * USEC_PER_SEC);
		line->loses = 20;
		line->tells_lost = tells[i];
		line->every = 66 * USEC_PER_MSEC;
		line->frame_max = 1000;
		run(line, 30 * USEC_PER_SEC);
		if (tells[i])
			assert_within(line->meter.rate, line->rate * 3 / 4, line->rate * 5 / 4);
		else
			assert_within(line->meter.rate, 0, line->rate / 2);
	}
}

/* One that is awaited goes beside what a link that is believed to be slow has to carry. */
static void test_what_is_urgent_does_not_wait_for_what_is_under_way(void **state)
{
	(void)state;
	CLEANUP(free) struct line *line = make(100, 200 * USEC_PER_MSEC);
	struct link_meter *meter = &line->meter;

	run(line, 8 * USEC_PER_SEC);
	line->frame_max = 0; /* and so all arrives */
	run(line, 1 * USEC_PER_SEC);
	assert_int_equal(meter->n_frames, 0);
	for (unsigned i = 0; i < 2; i++)
		link_meter_sent(meter, ++line->seq, 2000, line->now);
	assert_int_equal(link_meter_next(meter, line->now), USEC_NEVER);
	link_meter_urge(meter, line->now + USEC_PER_SEC);
	assert_int_equal(link_meter_next(meter, line->now), line->now);
	assert_int_equal(link_meter_next(meter, line->now + USEC_PER_SEC), USEC_NEVER);
	while (meter->n_frames < LINK_METER_FRAMES_MAX)
		link_meter_sent(meter, ++line->seq, 100, line->now);
	assert_int_equal(link_meter_next(meter, line->now), USEC_NEVER);
}

/* A browser on the machine itself: frames are not cut, and one at a time is enough. */
static void test_on_loopback_one_frame_is_under_way_and_none_is_cut(void **state)
{
	(void)state;
	CLEANUP(free) struct line *line = make(8 * 1000 * 1000, 300);
	size_t cut = 0;

	line->client = 2 * USEC_PER_MSEC;
	line->jitter = 4 * USEC_PER_MSEC;
	line->every = 16 * USEC_PER_MSEC;
	line->frame_max = 400 * 1000;
	run(line, 20 * USEC_PER_SEC);
	assert_int_equal(line->under_way_max, 1);
	for (size_t i = 0; i < line->n_came; i++)
		cut += line->came[i].n < line->frame_max;
	assert_within(cut, 1, 8);
	assert_within(link_meter_usec(&line->meter, line->frame_max), 0, 50 * USEC_PER_MSEC);
	assert_int_equal(link_meter_piece_max(&line->meter), 128 << 10);
}

/*
 * A page that answers late and says nothing of it, now and then at once: its machine is busy. That
 * is no slow link, and cutting frames would make it worse.
 */
static void test_a_busy_client_is_no_slow_link(void **state)
{
	(void)state;
	CLEANUP(free) struct line *line = make(1000 * 1000, USEC_PER_MSEC);

	for (unsigned i = 0; i < 600; i++) {
		line->rtt = (i % 20 == 0 ? 2 : 50 + i % 3 * 10) * USEC_PER_MSEC;
		line->jitter = line->rtt / 2;
		line->frame_max = i % 2 ? 300 * 1000 : 20000;
		run(line, 100 * USEC_PER_MSEC);
		assert_true(link_meter_frame_max(&line->meter, line->now) >= 64 << 10);
	}
}

/* The link is fast; what there is to send is no measure of it. */
static void test_small_frames_and_idle_hours_teach_nothing_wrong(void **state)
{
	(void)state;
	CLEANUP(free) struct line *line = make(20000, 20 * USEC_PER_MSEC);
	uint64_t before;

	line->jitter = 20 * USEC_PER_MSEC;
	run(line, 5 * USEC_PER_SEC);
	line->every = 30 * USEC_PER_MSEC;
	line->frame_max = 100;
	run(line, USEC_PER_SEC);
	before = line->meter.rate;
	run(line, 60 * USEC_PER_SEC);
	assert_int_equal(line->meter.rate, before);
	line->frame_max = 0;
	line->now += 3600 * USEC_PER_SEC;
	line->frame_max = SIZE_MAX;
	line->every = 0;
	run(line, USEC_PER_SEC);
	assert_busy(line, line->now - USEC_PER_SEC);
}

/* The way has changed: what was the least is no more. */
static void test_a_longer_way_is_found_while_the_link_is_busy(void **state)
{
	(void)state;
	CLEANUP(free) struct line *line = make(10000, 20 * USEC_PER_MSEC);

	run(line, 5 * USEC_PER_SEC);
	line->rtt = 200 * USEC_PER_MSEC;
	run(line, 30 * USEC_PER_SEC);
	assert_within(line->meter.rtt_min, 200 * USEC_PER_MSEC, 230 * USEC_PER_MSEC);
	assert_busy(line, line->now - 5 * USEC_PER_SEC);
	line->rtt = 20 * USEC_PER_MSEC;
	run(line, 20 * USEC_PER_SEC);
	assert_within(line->meter.rtt_min, 20 * USEC_PER_MSEC, 30 * USEC_PER_MSEC);
}

/* While one is decoded and painted the next is coded; but for who takes long, it is only later. */
static void test_beside_a_coded_picture_one_more_is_under_way(void **state)
{
	static const struct {
		usec_t client;
		bool coded;
		unsigned expected;
	} cases[] = { { 20 * USEC_PER_MSEC, true, 2 }, { 20 * USEC_PER_MSEC, false, 1 }, { 80 * USEC_PER_MSEC, true, 1 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct line *line = make(1000000, 100);

		line->client = cases[i].client;
		line->coded = cases[i].coded;
		line->frame_max = 20000;
		run(line, 2 * USEC_PER_SEC);
		line->under_way_max = 0;
		run(line, 2 * USEC_PER_SEC);
		assert_int_equal(line->under_way_max, cases[i].expected);
		free(line);
	}
}

/* Its browser paints at 20 frames a second, though the link would carry more. */
static void test_a_slow_client_gets_no_more_than_it_paints(void **state)
{
	(void)state;
	CLEANUP(free) struct line *line = make(100000, 40 * USEC_PER_MSEC);

	line->client = 50 * USEC_PER_MSEC;
	line->frame_max = 20000;
	run(line, 20 * USEC_PER_SEC);
	assert_within(oldest_since(line, 5 * USEC_PER_SEC), 1, 150 * USEC_PER_MSEC);
}

/* What follows stays within its bounds, whatever is said, and whenever. */
static void test_lies_move_nothing_beyond_its_bounds(void **state)
{
	(void)state;
	struct random random = { 7 };
	struct link_meter meter;
	usec_t now = 1;
	uint32_t seq = UINT32_MAX - 1000;

	link_meter_init(&meter);
	meter.seq = seq;
	for (unsigned i = 0; i < 1000000; i++) {
		now += (usec_t)random_below(&random, random_below(&random, 4) ? 3 : 1000000);
		if (link_meter_next(&meter, now) <= now)
			link_meter_sent(
				&meter, ++seq, (size_t)random_below(&random, 1 << 20), now);
		link_meter_acked(&meter, seq - (uint32_t)random_below(&random, 20) + 2,
			random_u64(&random) >> random_below(&random, 64), now);
		assert_in_range(link_meter_frame_max(&meter, now), 1 << 10, 16 << 20);
		assert_in_range(link_meter_piece_max(&meter), 1 << 10, 128 << 10);
		assert_in_range(meter.rate, 4000, 1000 * 1000 * 1000);
		assert_in_range(meter.n_frames, 0, LINK_METER_FRAMES_MAX);
		assert_true(meter.n_frames || !meter.n_bytes);
		assert_true(link_meter_usec(&meter, 1 << 20) < 3600 * USEC_PER_SEC);
		assert_true(link_meter_bytes(&meter, USEC_PER_SEC) <= 1000 * 1000 * 1000);
	}
}

/* An answer before the question cannot have come: who sends one makes his own frames larger. */
static void test_who_acknowledges_at_once_gets_one_frame_at_a_time(void **state)
{
	(void)state;
	struct link_meter meter;
	usec_t now = 1;

	link_meter_init(&meter);
	for (uint32_t seq = 1; seq < 1000; seq++) {
		assert_int_equal(link_meter_next(&meter, now), now);
		link_meter_sent(&meter, seq, 100000, now);
		assert_int_equal(link_meter_next(&meter, now), USEC_NEVER);
		link_meter_acked(&meter, seq, 655350, now);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_link_is_filled_and_nothing_waits_in_it),
		cmocka_unit_test(
			test_frames_are_young_again_three_seconds_after_a_step_of_the_rate),
		cmocka_unit_test(test_a_lost_packet_is_no_slow_link),
		cmocka_unit_test(test_what_is_urgent_does_not_wait_for_what_is_under_way),
		cmocka_unit_test(test_on_loopback_one_frame_is_under_way_and_none_is_cut),
		cmocka_unit_test(test_a_busy_client_is_no_slow_link),
		cmocka_unit_test(test_small_frames_and_idle_hours_teach_nothing_wrong),
		cmocka_unit_test(test_a_longer_way_is_found_while_the_link_is_busy),
		cmocka_unit_test(test_beside_a_coded_picture_one_more_is_under_way),
		cmocka_unit_test(test_a_slow_client_gets_no_more_than_it_paints),
		cmocka_unit_test(test_lies_move_nothing_beyond_its_bounds),
		cmocka_unit_test(test_who_acknowledges_at_once_gets_one_frame_at_a_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
