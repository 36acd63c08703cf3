/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* Keeps all threads of a worker busy, so that what is started meanwhile stays under way. */

#include "base/clock.h"
#include "base/mem.h"
#include "loop/worker.h"
#include "unit/gate.h"
#include "unit/test.h"

#define HOLD_THREADS_MAX 8 /* at least as many as the worker may have */

struct hold {
	struct worker *worker; /* borrowed; NULL: does not hold */
	struct gate gate;
	struct hold_job {
		struct worker_job job;
		struct hold *hold;
	} jobs[HOLD_THREADS_MAX];
	unsigned n_told;
};

static inline void hold_work(struct worker_job *job)
{
	gate_pass(&list_entry(job, struct hold_job, job)->hold->gate);
}

static inline void hold_done(struct worker_job *job)
{
	list_entry(job, struct hold_job, job)->hold->n_told++;
}

static inline void hold_begin(struct hold *self, struct worker *worker)
{
	static const struct worker_job_impl impl = { .work = hold_work, .done = hold_done };

	*self = (struct hold){ .worker = worker, .gate = GATE_OPEN };
	gate_set(&self->gate, true);
	for (unsigned i = 0; i < HOLD_THREADS_MAX; i++) {
		worker_job_init(&self->jobs[i].job, &impl);
		self->jobs[i].hold = self;
		assert_int_equal(worker_start(worker, &self->jobs[i].job), 0);
	}
	gate_await_inside(&self->gate, 1);
}

/* And runs the loop until it has heard of its own jobs: others may still be under way. */
static inline void hold_end(struct hold *self, sd_event *event)
{
	if (!self->worker)
		return;
	self->worker = NULL;
	gate_set(&self->gate, false);
	while (self->n_told < HOLD_THREADS_MAX)
		assert_true(sd_event_run(event, 10 * USEC_PER_SEC) > 0);
}
