/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Threads for what takes time, so that the loop never waits for it. A job is given to the
 * worker, one of its threads does it, and the end is told in the loop. Meanwhile the job, and
 * what it works on, are the thread's alone.
 *
 * Threads begin when there is something to do and none is free, up to a number. They sleep
 * until then, and no signal is theirs. Where processors are short they have less of them than the
 * loop: a key or a letter is what somebody waits for. All functions are for the main thread, and
 * none but worker_destroy() waits.
 */

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#include "base/list.h"

struct worker;
struct worker_job;

struct worker_job_impl {
	/* In a thread: does it. */
	void (*work)(struct worker_job *self);
	/* In the loop, afterwards. It may be started again, or be destroyed. */
	void (*done)(struct worker_job *self);
	/* After worker_drop(), once no thread has it: frees it, perhaps in a thread. Or NULL. */
	void (*drop)(struct worker_job *self);
};

/* Embedded in the owner's struct. */
struct worker_job {
	const struct worker_job_impl *impl;
	struct list link; /* of the queue, or of those that are done */
	enum worker_job_state {
		WORKER_JOB_IDLE,    /* the main thread's */
		WORKER_JOB_QUEUED,  /* nobody's */
		WORKER_JOB_WORKING, /* a thread's */
		WORKER_JOB_DROPPED, /* the same, which ends it */
		WORKER_JOB_DONE,    /* nobody's: it has not been told yet */
	} state;                    /* the worker's lock is around it, when it is not idle */
	bool busy; /* the main thread's view: it was started, and no end told */
};

/**
 * worker_create() - no thread yet
 * @n_max:       threads at most
 * @stack_size:  of each
 *
 * Returns 0 or negative errno.
 */
int worker_create(struct worker **ret, sd_event *event, unsigned n_max, size_t stack_size);

/* Its jobs must be gone: dropped, or told. Waits for those that are being done. Takes NULL. */
void worker_destroy(struct worker *self);

/* The first thread begins now, if there is none yet. Returns 0, or -EAGAIN: it cannot. */
int worker_begin(struct worker *self);

void worker_job_init(struct worker_job *self, const struct worker_job_impl *impl);

/* @job is not busy, and its turn comes after those that were started before. Returns 0, or
 * -EAGAIN: there is no thread, and none can be made. */
int worker_start(struct worker *self, struct worker_job *job);

/* @job's end is not told any more. It is gone, or will be: see drop() above. */
void worker_drop(struct worker *self, struct worker_job *job);

/* Is a job under way whose end will be told? */
bool worker_is_busy(const struct worker *self);
