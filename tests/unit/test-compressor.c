/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/compressor.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "host/encode/deflater.h"
#include "unit/hold.h"
#include "unit/inflater.h"
#include "unit/random.h"
#include "unit/test.h"

#define STACK_SIZE ((size_t)256 << 10)
#define N_BODIES 4

struct fixture {
	sd_event *event;
	struct worker *worker;
	struct hold hold;
	struct compressor *compressor;
	struct inflater inflater;
	struct random random;
	struct batch batch; /* what is taken next */
	struct encode_body bodies[N_BODIES];
	struct encode_body *told[8]; /* in their order */
	unsigned n_told;
};

static void handle_done(void *data, struct encode_body *body, int error)
{
	struct fixture *f = data;

	assert_int_equal(error, 0);
	assert_true(f->n_told < ARRAY_SIZE(f->told));
	f->told[f->n_told++] = body;
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	assert_int_equal(sd_event_new(&f->event), 0);
	assert_int_equal(worker_create(&f->worker, f->event, 2, STACK_SIZE), 0);
	f->compressor = compressor_create(f->worker, handle_done, f);
	assert_non_null(f->compressor);
	inflater_init(&f->inflater);
	f->random.state = 12;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	compressor_destroy(f->compressor);
	hold_end(&f->hold, f->event);
	assert_false(worker_is_busy(f->worker));
	worker_destroy(f->worker);
	sd_event_unref(f->event);
	inflater_finish(&f->inflater);
	batch_finish(&f->batch);
	for (unsigned i = 0; i < N_BODIES; i++)
		free(f->bodies[i].block);
	free(f);
	return 0;
}

/* Bytes of few values, that repeat each other, or of many. */
static void add(struct fixture *f, size_t n, enum batch_kind kind)
{
	uint8_t *room = batch_room(&f->batch, n);

	assert_non_null(room);
	for (size_t i = 0; i < n; i++)
		room[i] = (uint8_t)random_below(&f->random, kind == BATCH_NOISY ? 250 : 3);
	assert_int_equal(batch_add(&f->batch, n, kind), 0);
}

static int take(struct fixture *f, unsigned i)
{
	int r;

	free(f->bodies[i].block);
	f->bodies[i] = (struct encode_body){ 0 };
	r = compressor_take(f->compressor, &f->batch, &f->bodies[i]);
	assert_int_equal(f->batch.n, 0);
	return r;
}

static void await(struct fixture *f, unsigned n)
{
	while (f->n_told < n)
		assert_true(sd_event_run(f->event, 10 * USEC_PER_SEC) > 0);
}

static void inflate_body(struct fixture *f, unsigned i)
{
	assert_non_null(f->bodies[i].block);
	inflater_take(&f->inflater, f->bodies[i].block + ENCODE_HEADROOM, f->bodies[i].n);
}

static void test_what_is_small_is_complete_at_once_and_what_is_large_later(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 10; i++) {
		add(f, 20, BATCH_PLAIN);
		assert_int_equal(take(f, 0), 0);
		inflate_body(f, 0);
		assert_int_equal(f->inflater.n, 20);
		assert_int_equal(f->bodies[0].cost, 0); /* of a thread */
	}
	assert_int_equal(take(f, 0), 0); /* nothing is a message, too */
	inflate_body(f, 0);
	assert_int_equal(f->inflater.n, 0);
	add(f, COMPRESSOR_AT_ONCE, BATCH_PLAIN);
	assert_int_equal(take(f, 0), 0);
	inflate_body(f, 0);
	assert_int_equal(f->n_told, 0);

	add(f, COMPRESSOR_AT_ONCE + 1, BATCH_PLAIN);
	assert_int_equal(take(f, 1), -EINPROGRESS);
	assert_true(compressor_is_busy(f->compressor));
	await(f, 1);
	assert_ptr_equal(f->told[0], &f->bodies[1]);
	assert_false(compressor_is_busy(f->compressor));
	inflate_body(f, 1);
	assert_int_equal(f->inflater.n, COMPRESSOR_AT_ONCE + 1);
}

static void test_one_waits_and_comes_after_it(void **state)
{
	struct fixture *f = *state;

	hold_begin(&f->hold, f->worker);
	add(f, 100000, BATCH_PLAIN);
	assert_int_equal(take(f, 0), -EINPROGRESS);
	assert_true(compressor_has_room(f->compressor));
	add(f, 10, BATCH_PLAIN); /* small, but behind the other */
	assert_int_equal(take(f, 1), -EINPROGRESS);
	assert_false(compressor_has_room(f->compressor));
	assert_int_equal(f->n_told, 0);
	hold_end(&f->hold, f->event);
	await(f, 2);
	assert_ptr_equal(f->told[0], &f->bodies[0]);
	assert_ptr_equal(f->told[1], &f->bodies[1]);
	assert_true(compressor_has_room(f->compressor));
	inflate_body(f, 0);
	assert_int_equal(f->inflater.n, 100000);
	inflate_body(f, 1);
	assert_int_equal(f->inflater.n, 10);
}

static void test_two_large_ones_come_in_their_order(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 2; i++) {
		add(f, 70000 + i, i ? BATCH_NOISY : BATCH_PLAIN);
		assert_int_equal(take(f, i), -EINPROGRESS);
	}
	await(f, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_ptr_equal(f->told[i], &f->bodies[i]);
		inflate_body(f, i);
		assert_int_equal(f->inflater.n, 70000 + i);
	}
}

/* In a thread, at once for want of one, or by hand: the stream is the same. */
static void test_the_bytes_do_not_depend_on_who_makes_them(void **state)
{
	struct fixture *f = *state;
	struct compressor *alone = compressor_create(NULL, NULL, NULL);
	struct deflater deflater;
	struct batch copy = { 0 };

	assert_non_null(alone);
	assert_int_equal(deflater_init(&deflater), 0);
	for (unsigned i = 0; i < 30; i++) {
		struct encode_body body = { 0 };
		size_t n, n_at_hand;
		uint8_t *bytes;

		for (unsigned k = 0; k < 1 + i % 7; k++) {
			enum batch_kind kind = (enum batch_kind)random_below(&f->random, 2);

			add(f, 1 + (size_t)random_below(&f->random, 30000), kind);
			n = f->batch.runs[f->batch.n_runs - 1].n;
		}
		memcpy(batch_room(&copy, f->batch.n), f->batch.bytes, f->batch.n);
		for (size_t k = 0; k < f->batch.n_runs; k++) {
			const struct batch_run *run = &f->batch.runs[k];

			assert_int_equal(
				deflater_add(&deflater, copy.bytes + copy.n, run->n, run->kind),
				0);
			assert_int_equal(batch_add(&copy, run->n, run->kind), 0);
		}
		assert_int_equal(deflater_take(&deflater, &bytes, &n_at_hand), 0);
		f->n_told = 0;
		if (take(f, 0) == -EINPROGRESS)
			await(f, 1);
		n = f->bodies[0].n;
		assert_int_equal(n, n_at_hand);
		assert_memory_equal(f->bodies[0].block + ENCODE_HEADROOM, bytes, n);
		assert_int_equal(compressor_take(alone, &copy, &body), 0);
		assert_int_equal(body.n, n);
		assert_memory_equal(body.block + ENCODE_HEADROOM, bytes, n);
		free(body.block);
	}
	deflater_finish(&deflater);
	batch_finish(&copy);
	compressor_destroy(alone);
}

static void test_after_a_restart_what_was_under_way_is_void(void **state)
{
	struct fixture *f = *state;

	add(f, 20000, BATCH_PLAIN);
	assert_int_equal(take(f, 0), 0); /* which a newcomer has not */
	hold_begin(&f->hold, f->worker);
	add(f, 100000, BATCH_PLAIN);
	assert_int_equal(take(f, 1), -EINPROGRESS);
	add(f, 100000, BATCH_PLAIN);
	assert_int_equal(take(f, 2), -EINPROGRESS);
	compressor_restart(f->compressor);
	assert_true(compressor_is_busy(f->compressor)); /* the thread has the stream */
	assert_true(compressor_has_room(f->compressor));
	add(f, 300, BATCH_PLAIN);
	assert_int_equal(take(f, 3), -EINPROGRESS);
	hold_end(&f->hold, f->event);
	await(f, 2);
	assert_null(f->told[0]);
	assert_ptr_equal(f->told[1], &f->bodies[3]);
	assert_null(f->bodies[1].block);
	assert_null(f->bodies[2].block);
	inflate_body(f, 3);
	assert_int_equal(f->inflater.n, 300);
	/* And when nobody waits, there is news all the same. */
	add(f, 100000, BATCH_PLAIN);
	assert_int_equal(take(f, 1), -EINPROGRESS);
	compressor_restart(f->compressor);
	await(f, 3);
	assert_null(f->told[2]);
	assert_false(compressor_is_busy(f->compressor));
}

static void test_it_may_go_with_a_thread_inside_and_is_told_nothing(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 3; i++) { /* waits for a thread; has one; is done */
		struct compressor *compressor = compressor_create(f->worker, handle_done, f);

		assert_non_null(compressor);
		add(f, 200000, BATCH_NOISY);
		if (i == 0)
			hold_begin(&f->hold, f->worker);
		assert_int_equal(
			compressor_take(compressor, &f->batch, &f->bodies[0]), -EINPROGRESS);
		add(f, 200000, BATCH_NOISY);
		assert_int_equal(
			compressor_take(compressor, &f->batch, &f->bodies[1]), -EINPROGRESS);
		compressor_destroy(compressor);
		hold_end(&f->hold, f->event);
		assert_false(worker_is_busy(f->worker));
		while (sd_event_run(f->event, 0) > 0)
			;
	}
	assert_int_equal(f->n_told, 0);
	assert_null(f->bodies[0].block);
	compressor_destroy(NULL);
}

static void test_without_threads_all_is_complete_at_once(void **state)
{
	struct fixture *f = *state;
	struct worker *none;

	/* No machine has so much for a stack. */
	assert_int_equal(worker_create(&none, f->event, 1, (size_t)1 << 46), 0);
	compressor_destroy(f->compressor);
	f->compressor = compressor_create(none, handle_done, f);
	assert_non_null(f->compressor);
	add(f, 300000, BATCH_PLAIN);
	assert_int_equal(take(f, 0), 0);
	inflate_body(f, 0);
	assert_int_equal(f->inflater.n, 300000);
	compressor_destroy(TAKE_PTR(f->compressor));
	worker_destroy(none);
}

/* Each kind for itself: a photo after a page of text is no surprise. */
static void test_expectations_come_from_what_came_out_before(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 10; i++) {
		add(f, 20000, BATCH_PLAIN);
		add(f, 10000, BATCH_NOISY);
		assert_int_equal(take(f, 0), 0);
		add(f, 2, BATCH_PLAIN); /* of which as much comes out: says nothing */
		assert_int_equal(take(f, 0), 0);
	}
	add(f, 20000, BATCH_PLAIN);
	assert_in_range(compressor_expect(f->compressor, &f->batch), 2000, 7000);
	assert_int_equal(take(f, 0), 0);
	assert_in_range(f->bodies[0].n, 2000, 7000);
	add(f, 20000, BATCH_NOISY);
	assert_in_range(compressor_expect(f->compressor, &f->batch), 18000, 21000);
	assert_int_equal(take(f, 0), 0);
	assert_in_range(f->bodies[0].n, 18000, 21000);
	assert_int_equal(compressor_expect(f->compressor, &f->batch), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_small_is_complete_at_once_and_what_is_large_later),
		TEST(one_waits_and_comes_after_it),
		TEST(two_large_ones_come_in_their_order),
		TEST(the_bytes_do_not_depend_on_who_makes_them),
		TEST(after_a_restart_what_was_under_way_is_void),
		TEST(it_may_go_with_a_thread_inside_and_is_told_nothing),
		TEST(without_threads_all_is_complete_at_once),
		TEST(expectations_come_from_what_came_out_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
