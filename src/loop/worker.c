/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop/worker.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include "base/fd.h"
#include "base/mem.h"

#define NICE 5 /* nice(2): a third of what the loop has */

struct worker {
	sd_event_source *source;
	int done_fd; /* eventfd */
	size_t stack_size;
	unsigned n_busy; /* jobs */
	unsigned n_threads;
	unsigned n_max;

	pthread_mutex_t lock; /* of all below, and of the states of jobs */
	pthread_cond_t changed;
	struct list queue;
	struct list done;
	unsigned n_queued;
	unsigned n_free; /* threads that wait for a job */
	bool stop;

	pthread_t threads[]; /* the main thread's, as what is above the lock */
};

/* --- in the threads --- */

/* Called, and returns, with the lock. */
static void work_on(struct worker *self, struct worker_job *job)
{
	list_remove(&job->link);
	self->n_queued--;
	job->state = WORKER_JOB_WORKING;
	pthread_mutex_unlock(&self->lock);
	job->impl->work(job);
	pthread_mutex_lock(&self->lock);
	if (job->state != WORKER_JOB_DROPPED) {
		job->state = WORKER_JOB_DONE;
		list_append(&self->done, &job->link);
		eventfd_write(self->done_fd, 1);
	} else if (job->impl->drop) {
		pthread_mutex_unlock(&self->lock);
		job->impl->drop(job);
		pthread_mutex_lock(&self->lock);
	}
}

static void *work(void *data)
{
	struct worker *self = data;

	/* In Linux each thread has its own. */
	setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + NICE);
	pthread_mutex_lock(&self->lock);
	while (!self->stop) {
		if (list_empty(&self->queue)) {
			self->n_free++;
			pthread_cond_wait(&self->changed, &self->lock);
			self->n_free--;
		} else {
			work_on(self, list_first(&self->queue, struct worker_job, link));
		}
	}
	pthread_mutex_unlock(&self->lock);
	return NULL;
}

/* --- in the loop --- */

static struct worker_job *take_done(struct worker *self)
{
	struct worker_job *job = NULL;

	pthread_mutex_lock(&self->lock);
	if (!list_empty(&self->done)) {
		job = list_first(&self->done, struct worker_job, link);
		list_remove(&job->link);
		job->state = WORKER_JOB_IDLE;
	}
	pthread_mutex_unlock(&self->lock);
	return job;
}

static int handle_done(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct worker *self = userdata;
	struct worker_job *job;
	eventfd_t count;

	(void)source;
	(void)revents;
	eventfd_read(fd, &count);
	while ((job = take_done(self))) {
		job->busy = false;
		self->n_busy--;
		job->impl->done(job);
	}
	return 0;
}

/* Signals belong to the loop: a thread has the mask of who made it. */
static int start_thread(struct worker *self)
{
	sigset_t all, before;
	pthread_attr_t attributes;
	int r = pthread_attr_init(&attributes);

	if (r != 0)
		return -r;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_attr_setstacksize(&attributes, self->stack_size);
	if (r == 0)
		r = pthread_create(&self->threads[self->n_threads], &attributes, work, self);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	if (r == 0)
		self->n_threads++;
	return -r;
}

int worker_begin(struct worker *self)
{
	return self->n_threads > 0 ? 0 : start_thread(self);
}

/* Where none is free for one job more. With a thread at all it will be done some time. */
static int make_ready(struct worker *self)
{
	bool enough;
	int r;

	pthread_mutex_lock(&self->lock);
	enough = self->n_free > self->n_queued;
	pthread_mutex_unlock(&self->lock);
	if (enough || self->n_threads == self->n_max)
		return 0;
	r = start_thread(self);
	return self->n_threads > 0 ? 0 : r;
}

void worker_job_init(struct worker_job *self, const struct worker_job_impl *impl)
{
	*self = (struct worker_job){ .impl = impl };
	list_init(&self->link);
}

int worker_start(struct worker *self, struct worker_job *job)
{
	int r;

	assert(!job->busy);
	r = make_ready(self);
	if (r < 0)
		return r;
	job->busy = true;
	self->n_busy++;
	pthread_mutex_lock(&self->lock);
	job->state = WORKER_JOB_QUEUED;
	list_append(&self->queue, &job->link);
	self->n_queued++;
	pthread_cond_signal(&self->changed);
	pthread_mutex_unlock(&self->lock);
	return 0;
}

void worker_drop(struct worker *self, struct worker_job *job)
{
	bool mine;

	if (job->busy)
		self->n_busy--;
	job->busy = false;
	pthread_mutex_lock(&self->lock);
	mine = job->state != WORKER_JOB_WORKING;
	if (job->state == WORKER_JOB_QUEUED)
		self->n_queued--;
	if (mine)
		list_remove(&job->link);
	else
		job->state = WORKER_JOB_DROPPED;
	pthread_mutex_unlock(&self->lock);
	if (mine && job->impl->drop)
		job->impl->drop(job);
}

bool worker_is_busy(const struct worker *self)
{
	return self->n_busy > 0;
}

/* --- life --- */

int worker_create(struct worker **ret, sd_event *event, unsigned n_max, size_t stack_size)
{
	struct worker *self = mem_alloc(1, sizeof(*self) + n_max * sizeof(self->threads[0]));
	int r;

	if (!self)
		return -ENOMEM;
	self->n_max = n_max;
	self->stack_size = stack_size;
	list_init(&self->queue);
	list_init(&self->done);
	pthread_mutex_init(&self->lock, NULL);
	pthread_cond_init(&self->changed, NULL);
	self->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = self->done_fd < 0 ? -errno : 0;
	if (r >= 0)
		r = sd_event_add_io(
			event, &self->source, self->done_fd, EPOLLIN, handle_done, self);
	if (r < 0) {
		worker_destroy(self);
		return r;
	}
	*ret = self;
	return 0;
}

static void end_threads(struct worker *self)
{
	pthread_mutex_lock(&self->lock);
	self->stop = true;
	pthread_cond_broadcast(&self->changed);
	pthread_mutex_unlock(&self->lock);
	for (unsigned i = 0; i < self->n_threads; i++)
		pthread_join(self->threads[i], NULL);
}

void worker_destroy(struct worker *self)
{
	if (!self)
		return;
	assert(self->n_busy == 0);
	end_threads(self);
	sd_event_source_disable_unref(self->source);
	fd_close(self->done_fd);
	pthread_cond_destroy(&self->changed);
	pthread_mutex_destroy(&self->lock);
	free(self);
}
