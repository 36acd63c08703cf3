/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/access/verifier.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#include "base/mem.h"
#include "loop/worker.h"

#define STACK_SIZE ((size_t)256 * 1024)

struct verifier {
	struct worker_job job;
	struct worker *worker;
	verifier_done_fn done;
	void *data;
	char hash[crypto_pwhash_STRBYTES];
	char pin[VERIFIER_PIN_MAX];
	bool ok;
};

static struct verifier *verifier_of(struct worker_job *job)
{
	return list_entry(job, struct verifier, job);
}

static void verify(struct worker_job *job)
{
	struct verifier *self = verifier_of(job);

	self->ok = crypto_pwhash_str_verify(self->hash, self->pin, strlen(self->pin)) == 0;
	sodium_memzero(self->pin, sizeof(self->pin));
}

static void handle_done(struct worker_job *job)
{
	struct verifier *self = verifier_of(job);

	self->done(self->data, self->ok);
}

static const struct worker_job_impl job_impl = {
	.work = verify,
	.done = handle_done,
};

/* Its thread is there from the beginning: then no check can fail for want of one. */
int verifier_create(struct verifier **ret, sd_event *event, verifier_done_fn done, void *data)
{
	struct verifier *self = mem_new(struct verifier);
	int r;

	if (!self)
		return -ENOMEM;
	*self = (struct verifier){ .done = done, .data = data };
	worker_job_init(&self->job, &job_impl);
	r = worker_create(&self->worker, event, 1, STACK_SIZE);
	if (r >= 0)
		r = worker_begin(self->worker);
	if (r < 0) {
		verifier_destroy(self);
		return r;
	}
	*ret = self;
	return 0;
}

bool verifier_is_busy(const struct verifier *self)
{
	return self->job.busy;
}

void verifier_start(struct verifier *self, const char *hash, const char *pin)
{
	snprintf(self->hash, sizeof(self->hash), "%s", hash);
	snprintf(self->pin, sizeof(self->pin), "%s", pin);
	worker_start(self->worker, &self->job);
}

void verifier_destroy(struct verifier *self)
{
	if (!self)
		return;
	if (self->worker)
		worker_drop(self->worker, &self->job);
	worker_destroy(self->worker); /* waits, so that the job is ours again */
	sodium_memzero(self, sizeof(*self));
	free(self);
}
