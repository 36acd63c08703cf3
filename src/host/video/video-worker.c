/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/video/video-worker.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "base/fd.h"
#include "base/list.h"
#include "base/mem.h"

#define STACK_SIZE ((size_t)2 << 20) /* codecs keep whole blocks on it */

/* Under the worker's lock. Whose the rest of a coder is: */
enum state {
	IDLE,    /* the main thread's */
	QUEUED,  /* nobody's */
	CODING,  /* the worker's */
	DROPPED, /* the same, who destroys it */
	DONE,    /* nobody's */
};

struct video_coder {
	struct list link; /* of queue or done */
	struct video_worker *worker;
	enum state state;
	bool busy; /* the main thread's view */
	struct codec *codec;
	struct video_result result;
	video_coder_fn done;
	void *data;
};

struct video_worker {
	sd_event_source *source;
	int done_fd; /* eventfd */
	pthread_t thread;
	bool has_thread;

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed;
	struct list queue;
	struct list done;
	bool stop;
};

static void free_coder(struct video_coder *coder)
{
	codec_destroy(coder->codec);
	free(coder);
}

static void encode(struct video_coder *coder)
{
	usec_t start = clock_thread();

	coder->result.error = codec_encode(coder->codec, &coder->result.picture);
	coder->result.cost += clock_thread() - start;
}

/* Called, and returns, with the lock. */
static void work_on(struct video_worker *self, struct video_coder *coder)
{
	list_remove(&coder->link);
	coder->state = CODING;
	pthread_mutex_unlock(&self->lock);
	encode(coder);
	pthread_mutex_lock(&self->lock);
	if (coder->state == DROPPED) {
		free_coder(coder);
		return;
	}
	coder->state = DONE;
	list_append(&self->done, &coder->link);
	eventfd_write(self->done_fd, 1);
}

static void *work(void *data)
{
	struct video_worker *self = data;

	pthread_mutex_lock(&self->lock);
	while (!self->stop) {
		if (list_empty(&self->queue))
			pthread_cond_wait(&self->changed, &self->lock);
		else
			work_on(self, list_first(&self->queue, struct video_coder, link));
	}
	pthread_mutex_unlock(&self->lock);
	return NULL;
}

static struct video_coder *take_done(struct video_worker *self)
{
	struct video_coder *coder = NULL;

	pthread_mutex_lock(&self->lock);
	if (!list_empty(&self->done)) {
		coder = list_first(&self->done, struct video_coder, link);
		list_remove(&coder->link);
		coder->state = IDLE;
	}
	pthread_mutex_unlock(&self->lock);
	return coder;
}

static int handle_done(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct video_worker *self = userdata;
	struct video_coder *coder;
	eventfd_t count;

	(void)source;
	(void)revents;
	eventfd_read(fd, &count);
	while ((coder = take_done(self))) {
		struct video_result result = coder->result;

		coder->busy = false;
		coder->done(coder->data, &result);
	}
	return 0;
}

/* Signals are blocked in it, as they are here: they belong to the loop. */
static int start_thread(struct video_worker *self)
{
	pthread_attr_t attributes;
	int r = pthread_attr_init(&attributes);

	if (r == 0) {
		pthread_attr_setstacksize(&attributes, STACK_SIZE);
		r = pthread_create(&self->thread, &attributes, work, self);
		pthread_attr_destroy(&attributes);
	}
	self->has_thread = r == 0;
	return -r;
}

int video_worker_create(struct video_worker **ret, sd_event *event)
{
	struct video_worker *self = mem_new(struct video_worker);
	int r;

	if (!self)
		return -ENOMEM;
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
		video_worker_destroy(self);
		return r;
	}
	*ret = self;
	return 0;
}

void video_worker_destroy(struct video_worker *self)
{
	if (!self)
		return;
	if (self->has_thread) {
		pthread_mutex_lock(&self->lock);
		self->stop = true;
		pthread_cond_signal(&self->changed);
		pthread_mutex_unlock(&self->lock);
		pthread_join(self->thread, NULL);
	}
	assert(list_empty(&self->queue) && list_empty(&self->done));
	sd_event_source_disable_unref(self->source);
	fd_close(self->done_fd);
	pthread_cond_destroy(&self->changed);
	pthread_mutex_destroy(&self->lock);
	free(self);
}

int video_coder_create(struct video_coder **ret, struct video_worker *worker,
	const struct codec_impl *impl, video_coder_fn done, void *data)
{
	struct video_coder *self;
	int r = worker->has_thread ? 0 : start_thread(worker);

	if (r < 0)
		return r;
	self = mem_new(struct video_coder);
	if (!self)
		return -ENOMEM;
	*self = (struct video_coder){
		.worker = worker,
		.codec = codec_create(impl),
		.done = done,
		.data = data,
	};
	list_init(&self->link);
	if (!self->codec) {
		free_coder(self);
		return -ENOMEM;
	}
	*ret = self;
	return 0;
}

bool video_coder_is_busy(const struct video_coder *self)
{
	return self->busy;
}

int video_coder_start(struct video_coder *self, const struct codec_input *in)
{
	struct video_worker *worker = self->worker;
	usec_t start = clock_thread();
	int r;

	assert(!self->busy);
	r = codec_load(self->codec, in);
	if (r < 0)
		return r;
	self->result = (struct video_result){ .cost = clock_thread() - start };
	self->busy = true;
	pthread_mutex_lock(&worker->lock);
	self->state = QUEUED;
	list_append(&worker->queue, &self->link);
	pthread_cond_signal(&worker->changed);
	pthread_mutex_unlock(&worker->lock);
	return 0;
}

void video_coder_destroy(struct video_coder *self)
{
	bool mine;

	if (!self)
		return;
	pthread_mutex_lock(&self->worker->lock);
	mine = self->state != CODING;
	if (mine)
		list_remove(&self->link);
	else
		self->state = DROPPED;
	pthread_mutex_unlock(&self->worker->lock);
	if (mine)
		free_coder(self);
}
