/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/batch.h"

#include <errno.h>

#include "base/mem.h"

#define RUNS_MIN 16

uint8_t *batch_room(struct batch *self, size_t n)
{
	if (self->size - self->n < n) {
		size_t size = 2 * self->size + n;
		uint8_t *bytes = mem_resize(self->bytes, size, 1);

		if (!bytes)
			return NULL;
		self->bytes = bytes;
		self->size = size;
	}
	return self->bytes + self->n;
}

static int add_run(struct batch *self, enum batch_kind kind)
{
	if (self->n_runs == self->runs_size) {
		size_t size = 2 * self->runs_size + RUNS_MIN;
		struct batch_run *runs = mem_resize(self->runs, size, sizeof(*runs));

		if (!runs)
			return -ENOMEM;
		self->runs = runs;
		self->runs_size = size;
	}
	self->runs[self->n_runs++] = (struct batch_run){ .kind = kind };
	return 0;
}

int batch_add(struct batch *self, size_t n, enum batch_kind kind)
{
	if (self->n_runs == 0 || self->runs[self->n_runs - 1].kind != kind) {
		int r = add_run(self, kind);

		if (r < 0)
			return r;
	}
	self->runs[self->n_runs - 1].n += n;
	self->n_of[kind] += n;
	self->n += n;
	return 0;
}

void batch_clear(struct batch *self)
{
	self->n = 0;
	self->n_runs = 0;
	memset(self->n_of, 0, sizeof(self->n_of));
}

void batch_trim(struct batch *self)
{
	if (self->size > BATCH_KEPT && self->n == 0)
		batch_finish(self);
}

void batch_finish(struct batch *self)
{
	free(self->bytes);
	free(self->runs);
	*self = (struct batch){ 0 };
}
