/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/compressor.h"

#include <assert.h>
#include <errno.h>

#include "base/mem.h"
#include "host/encode/deflater.h"

/* A message with less of a kind says nothing about how that is compressed. */
#define TELLS_MIN ((size_t)1 << 10)

struct compressor {
	struct worker *worker; /* borrowed */
	encode_done_fn done;
	void *data;

	/* While the job is busy these are the thread's: */
	struct worker_job job;
	struct deflater deflater;
	struct batch batch;
	struct encode_body made;
	int error;

	/* And these never. */
	struct encode_body *body; /* whose @made is to be; NULL: it is void */
	struct batch next;
	struct encode_body *next_body; /* NULL: none waits */
	bool must_restart;
	size_t ratio[BATCH_N_KINDS]; /* of what comes out to what goes in, in 1/256 */
};

/* --- perhaps in the thread --- */

static int deflate_runs(struct compressor *self)
{
	struct deflater *deflater = &self->deflater;
	const uint8_t *bytes = self->batch.bytes;

	for (size_t i = 0; i < self->batch.n_runs; i++) {
		const struct batch_run *run = &self->batch.runs[i];
		int r = deflater_add(deflater, bytes, run->n, run->kind == BATCH_NOISY);

		if (r < 0)
			return r;
		bytes += run->n;
	}
	return 0;
}

static int make_body(struct compressor *self)
{
	usec_t start = clock_now();
	uint8_t *bytes;
	size_t n;
	int r = deflate_runs(self);

	if (r >= 0)
		r = deflater_take(&self->deflater, &bytes, &n);
	if (r < 0)
		return r;
	self->made.block = mem_resize(NULL, ENCODE_HEADROOM + n, 1);
	if (!self->made.block)
		return -ENOMEM;
	memcpy(self->made.block + ENCODE_HEADROOM, bytes, n);
	self->made.n = n;
	self->made.cost = clock_now() - start;
	return 0;
}

static struct compressor *compressor_of(struct worker_job *job)
{
	return list_entry(job, struct compressor, job);
}

static void work(struct worker_job *job)
{
	struct compressor *self = compressor_of(job);

	self->error = make_body(self);
}

/* --- in the loop --- */

static void learn(struct compressor *self)
{
	const struct deflater *deflater = &self->deflater;

	for (unsigned i = 0; i < BATCH_N_KINDS; i++) {
		size_t in = self->batch.n_of[i], out = deflater->n_out[i == BATCH_NOISY];

		if (in >= TELLS_MIN)
			self->ratio[i] = (self->ratio[i] + out * 256 / in) / 2;
	}
}

/* For the next message, which may be as large as the last one or not come for long. */
static void tidy(struct compressor *self)
{
	batch_clear(&self->batch);
	if (!self->next_body)
		batch_trim(&self->batch);
}

/* What was begun is complete: the body has it, or nobody. 0 or -ENOMEM. */
static int finish(struct compressor *self)
{
	struct encode_body *body = TAKE_PTR(self->body);

	if (self->error >= 0)
		learn(self);
	tidy(self);
	if (body)
		*body = self->made;
	else
		free(self->made.block);
	self->made = (struct encode_body){ 0 };
	return self->error;
}

static void swap(struct batch *a, struct batch *b)
{
	struct batch c = *a;

	*a = *b;
	*b = c;
}

/* 0, -EINPROGRESS or -ENOMEM. */
static int begin(struct compressor *self, struct batch *batch, struct encode_body *body)
{
	if (self->error < 0)
		return self->error;
	if (self->must_restart)
		deflater_restart(&self->deflater);
	self->must_restart = false;
	swap(&self->batch, batch);
	self->body = body;
	if (self->worker && self->batch.n > COMPRESSOR_AT_ONCE
		&& worker_start(self->worker, &self->job) >= 0)
		return -EINPROGRESS;
	work(&self->job);
	return finish(self);
}

/* The thread has the next one to do before anything is made of this one. */
static void handle_done(struct worker_job *job)
{
	struct compressor *self = compressor_of(job);
	struct encode_body *body = self->body, *next = self->next_body;
	int r = finish(self), r_next = -EINPROGRESS;

	self->next_body = NULL;
	if (next)
		r_next = begin(self, &self->next, next);
	self->done(self->data, body, r);
	if (r_next != -EINPROGRESS)
		self->done(self->data, next, r_next);
}

int compressor_take(struct compressor *self, struct batch *batch, struct encode_body *ret)
{
	int r;

	assert(compressor_has_room(self));
	if (self->job.busy) {
		swap(&self->next, batch);
		self->next_body = ret;
		return -EINPROGRESS;
	}
	r = begin(self, batch, ret);
	if (r == 0)
		ret->cost = 0; /* it was the caller's time */
	return r;
}

bool compressor_is_busy(const struct compressor *self)
{
	return self->job.busy;
}

bool compressor_has_room(const struct compressor *self)
{
	return !self->next_body;
}

size_t compressor_expect(const struct compressor *self, const struct batch *batch)
{
	size_t n = 0;

	for (unsigned i = 0; i < BATCH_N_KINDS; i++)
		n += batch->n_of[i] * self->ratio[i] / 256;
	return n;
}

/* --- life --- */

static void free_compressor(struct worker_job *job)
{
	struct compressor *self = compressor_of(job);

	deflater_finish(&self->deflater);
	batch_finish(&self->batch);
	batch_finish(&self->next);
	free(self->made.block);
	free(self);
}

static const struct worker_job_impl job_impl = {
	.work = work,
	.done = handle_done,
	.drop = free_compressor,
};

struct compressor *compressor_create(struct worker *worker, encode_done_fn done, void *data)
{
	struct compressor *self = mem_new(struct compressor);

	if (!self)
		return NULL;
	*self = (struct compressor){
		.worker = worker,
		.done = done,
		.data = data,
		.ratio = { [BATCH_PLAIN] = 128, [BATCH_NOISY] = 256 },
	};
	worker_job_init(&self->job, &job_impl);
	if (deflater_init(&self->deflater) < 0) {
		free(self);
		return NULL;
	}
	return self;
}

void compressor_restart(struct compressor *self)
{
	self->body = NULL;
	self->next_body = NULL;
	batch_clear(&self->next);
	batch_trim(&self->next);
	if (self->job.busy)
		self->must_restart = true;
	else
		deflater_restart(&self->deflater);
}

void compressor_destroy(struct compressor *self)
{
	if (!self)
		return;
	if (self->worker)
		worker_drop(self->worker, &self->job);
	else
		free_compressor(&self->job);
}
