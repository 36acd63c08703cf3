/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* Where a thread waits until a test lets it go on, so that it knows what is under way. */

#include <pthread.h>
#include <stdbool.h>

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool closed;
	unsigned n_inside;
	unsigned n_passed; /* ever */
};

#define GATE_OPEN                                                                              \
 {                                                                                             \
  .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER                       \
 }

/* In a thread. */
static inline void gate_pass(struct gate *self)
{
	pthread_mutex_lock(&self->lock);
	self->n_inside++;
	pthread_cond_broadcast(&self->changed);
	while (self->closed)
		pthread_cond_wait(&self->changed, &self->lock);
	self->n_inside--;
	self->n_passed++;
	pthread_cond_broadcast(&self->changed);
	pthread_mutex_unlock(&self->lock);
}

static inline void gate_set(struct gate *self, bool closed)
{
	pthread_mutex_lock(&self->lock);
	self->closed = closed;
	pthread_cond_broadcast(&self->changed);
	pthread_mutex_unlock(&self->lock);
}

static inline void gate_await_inside(struct gate *self, unsigned n)
{
	pthread_mutex_lock(&self->lock);
	while (self->n_inside < n)
		pthread_cond_wait(&self->changed, &self->lock);
	pthread_mutex_unlock(&self->lock);
}

static inline void gate_await_passed(struct gate *self, unsigned n)
{
	pthread_mutex_lock(&self->lock);
	while (self->n_passed < n)
		pthread_cond_wait(&self->changed, &self->lock);
	pthread_mutex_unlock(&self->lock);
}

static inline unsigned gate_n_passed(struct gate *self)
{
	unsigned n;

	pthread_mutex_lock(&self->lock);
	n = self->n_passed;
	pthread_mutex_unlock(&self->lock);
	return n;
}
