/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/mem.h"
#include "unit/fds.h"
#include "unit/gate.h"
#include "unit/test.h"
#include "unit/threads.h"

#define N_MAX 3
#define STACK_SIZE ((size_t)256 * 1024)

struct job {
	struct worker_job job;
	struct fixture *fixture;
	pthread_t thread; /* that did it */
	sigset_t blocked; /* there */
	int nice;
	bool on_heap;
};

struct fixture {
	sd_event *event;
	struct worker *worker;
	struct job jobs[6];
	unsigned n_done;
	struct job *last;
	struct job *to_start; /* from within handle_done */
	struct job *to_drop;
	unsigned fds;
};

static struct gate gate = GATE_OPEN;
static struct gate dropped = GATE_OPEN; /* counts them */

static void work(struct worker_job *job)
{
	struct job *self = list_entry(job, struct job, job);

	self->thread = pthread_self();
	pthread_sigmask(SIG_BLOCK, NULL, &self->blocked);
	self->nice = getpriority(PRIO_PROCESS, 0);
	gate_pass(&gate);
}

static void handle_done(struct worker_job *job)
{
	struct job *self = list_entry(job, struct job, job);
	struct fixture *f = self->fixture;

	f->n_done++;
	f->last = self;
	if (f->to_start)
		assert_int_equal(worker_start(f->worker, &TAKE_PTR(f->to_start)->job), 0);
	if (f->to_drop)
		worker_drop(f->worker, &TAKE_PTR(f->to_drop)->job);
}

static void drop(struct worker_job *job)
{
	struct job *self = list_entry(job, struct job, job);

	if (self->on_heap)
		free(self);
	gate_pass(&dropped);
}

static const struct worker_job_impl impl = { work, handle_done, drop };

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	f->fds = fds_count();
	gate = (struct gate)GATE_OPEN;
	dropped = (struct gate)GATE_OPEN;
	assert_int_equal(sd_event_new(&f->event), 0);
	assert_int_equal(worker_create(&f->worker, f->event, N_MAX, STACK_SIZE), 0);
	for (size_t i = 0; i < ARRAY_SIZE(f->jobs); i++) {
		worker_job_init(&f->jobs[i].job, &impl);
		f->jobs[i].fixture = f;
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_false(worker_is_busy(f->worker));
	worker_destroy(f->worker);
	sd_event_unref(f->event);
	assert_int_equal(fds_count(), f->fds);
	free(f);
	return 0;
}

static void start(struct fixture *f, unsigned i)
{
	assert_int_equal(worker_start(f->worker, &f->jobs[i].job), 0);
	assert_true(f->jobs[i].job.busy);
	assert_true(worker_is_busy(f->worker));
}

static void await(struct fixture *f, unsigned n)
{
	while (f->n_done < n)
		assert_true(sd_event_run(f->event, 10 * USEC_PER_SEC) > 0);
}

static void test_a_job_is_done_by_a_thread_and_told_in_the_loop(void **state)
{
	struct fixture *f = *state;

	gate_set(&gate, true);
	start(f, 0);
	gate_await_inside(&gate, 1);
	assert_int_equal(sd_event_run(f->event, 0), 0); /* which does not wait for it */
	gate_set(&gate, false);
	await(f, 1);
	assert_ptr_equal(f->last, &f->jobs[0]);
	assert_false(f->jobs[0].job.busy);
	assert_false(worker_is_busy(f->worker));
	assert_false(pthread_equal(f->jobs[0].thread, pthread_self()));
}

/* An idle desktop has none; who works one after another needs but one. */
static void test_threads_begin_when_none_is_free_up_to_a_number(void **state)
{
	struct fixture *f = *state;
	unsigned n = threads_count();

	for (unsigned i = 0; i < 100; i++) {
		start(f, i % 6);
		await(f, i + 1);
		/* That it is free again, it may not have noted yet. */
		assert_in_range(threads_count(), n + 1, n + 2);
	}
	gate_set(&gate, true);
	for (unsigned i = 0; i < 6; i++)
		start(f, i);
	gate_await_inside(&gate, N_MAX);
	assert_int_equal(threads_count(), n + N_MAX);
	gate_set(&gate, false);
	await(f, 106);
	assert_int_equal(threads_count(), n + N_MAX);
}

static void test_the_first_thread_may_begin_before_there_is_a_job(void **state)
{
	struct fixture *f = *state;
	unsigned n = threads_count();

	assert_int_equal(worker_begin(f->worker), 0);
	assert_int_equal(worker_begin(f->worker), 0);
	assert_int_equal(threads_count(), n + 1);
}

static void test_jobs_of_one_thread_keep_their_order(void **state)
{
	struct fixture *f = *state;
	struct worker *all = f->worker;

	assert_int_equal(worker_create(&f->worker, f->event, 1, STACK_SIZE), 0);
	gate_set(&gate, true);
	for (unsigned i = 0; i < 6; i++)
		start(f, i);
	gate_set(&gate, false);
	for (unsigned i = 0; i < 6; i++) {
		gate_await_passed(&gate, i + 1);
		await(f, i + 1);
	}
	assert_ptr_equal(f->last, &f->jobs[5]);
	worker_destroy(f->worker);
	f->worker = all;
}

/* Two threads, so that a job may wait while others are done. */
static void test_a_job_may_be_dropped_at_any_time_and_is_never_told(void **state)
{
	struct fixture *f = *state;
	struct job *working = xnew(struct job);

	worker_job_init(&working->job, &impl);
	working->on_heap = true;
	worker_drop(f->worker, &f->jobs[0].job); /* idle */
	assert_int_equal(gate_n_passed(&dropped), 1);
	gate_set(&gate, true);
	assert_int_equal(worker_start(f->worker, &working->job), 0);
	gate_await_inside(&gate, 1);
	worker_drop(f->worker, &working->job);
	assert_int_equal(gate_n_passed(&dropped), 1); /* the thread still has it */
	assert_false(worker_is_busy(f->worker));
	for (unsigned i = 1; i < 5; i++)
		start(f, i);
	gate_await_inside(&gate, N_MAX);
	worker_drop(f->worker, &f->jobs[4].job); /* that waits */
	assert_int_equal(gate_n_passed(&dropped), 2);
	gate_set(&gate, false);
	await(f, 3);
	gate_await_passed(&gate, 4);    /* with the first, */
	gate_await_passed(&dropped, 3); /* which its thread drops when it may */
	assert_int_equal(gate_n_passed(&gate), 4);
	assert_int_equal(gate_n_passed(&dropped), 3);

	start(f, 5); /* done, but not told yet */
	gate_await_passed(&gate, 5);
	worker_drop(f->worker, &f->jobs[5].job);
	while (sd_event_run(f->event, 0) > 0)
		;
	assert_int_equal(f->n_done, 3);
}

static void test_the_end_of_a_job_may_start_or_drop_any(void **state)
{
	struct fixture *f = *state;

	f->to_start = &f->jobs[0];
	start(f, 0);
	await(f, 2);
	f->to_drop = &f->jobs[0];
	start(f, 0);
	await(f, 3);
	assert_int_equal(gate_n_passed(&dropped), 1);
}

static void test_the_end_waits_for_what_is_being_done(void **state)
{
	struct fixture *f = *state;

	gate_set(&gate, true);
	start(f, 0);
	gate_await_inside(&gate, 1);
	worker_drop(f->worker, &f->jobs[0].job);
	gate_set(&gate, false);
	worker_destroy(TAKE_PTR(f->worker));
	assert_int_equal(gate_n_passed(&dropped), 1);
	assert_int_equal(worker_create(&f->worker, f->event, N_MAX, STACK_SIZE), 0);
}

static void test_no_signal_is_the_threads(void **state)
{
	struct fixture *f = *state;
	sigset_t before, after;

	pthread_sigmask(SIG_BLOCK, NULL, &before);
	start(f, 0);
	await(f, 1);
	pthread_sigmask(SIG_BLOCK, NULL, &after);
	assert_true(sigismember(&f->jobs[0].blocked, SIGTERM) == 1);
	assert_true(sigismember(&f->jobs[0].blocked, SIGCHLD) == 1);
	assert_true(sigismember(&f->jobs[0].blocked, SIGPIPE) == 1);
	for (int signal = 1; signal < SIGRTMIN; signal++)
		assert_int_equal(sigismember(&before, signal), sigismember(&after, signal));
}

/* LOD-04 */
static void test_threads_have_less_of_the_processors_than_the_loop(void **state)
{
	struct fixture *f = *state;
	int own = getpriority(PRIO_PROCESS, 0);

	start(f, 0);
	await(f, 1);
	assert_int_equal(f->jobs[0].nice, own + 5 < 19 ? own + 5 : 19);
	assert_int_equal(getpriority(PRIO_PROCESS, 0), own);
}

static void test_without_a_thread_a_job_cannot_be_started(void **state)
{
	struct fixture *f = *state;
	struct worker *all = f->worker;

	/* No machine has so much for a stack. */
	assert_int_equal(worker_create(&f->worker, f->event, 2, (size_t)1 << 46), 0);
	assert_int_equal(worker_begin(f->worker), -EAGAIN);
	assert_int_equal(worker_start(f->worker, &f->jobs[0].job), -EAGAIN);
	assert_false(f->jobs[0].job.busy);
	assert_false(worker_is_busy(f->worker));
	worker_destroy(f->worker);
	worker_destroy(NULL);
	f->worker = all;
	start(f, 0); /* it is as it was */
	await(f, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_job_is_done_by_a_thread_and_told_in_the_loop),
		TEST(threads_begin_when_none_is_free_up_to_a_number),
		TEST(the_first_thread_may_begin_before_there_is_a_job),
		TEST(jobs_of_one_thread_keep_their_order),
		TEST(a_job_may_be_dropped_at_any_time_and_is_never_told),
		TEST(the_end_of_a_job_may_start_or_drop_any),
		TEST(the_end_waits_for_what_is_being_done),
		TEST(no_signal_is_the_threads),
		TEST(threads_have_less_of_the_processors_than_the_loop),
		TEST(without_a_thread_a_job_cannot_be_started),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
