/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/video/video-worker.h"

#include <errno.h>

#include "base/mem.h"

#define STACK_SIZE ((size_t)2 << 20) /* codecs keep whole blocks on it */

struct video_coder {
	struct worker_job job;
	struct worker *worker;
	struct codec *codec;
	struct video_result result;
	video_coder_fn done;
	void *data;
};

static struct video_coder *coder_of(struct worker_job *job)
{
	return list_entry(job, struct video_coder, job);
}

static void encode(struct worker_job *job)
{
	struct video_coder *self = coder_of(job);
	usec_t start = clock_thread();

	self->result.error = codec_encode(self->codec, &self->result.picture);
	self->result.cost += clock_thread() - start;
}

static void handle_done(struct worker_job *job)
{
	struct video_coder *self = coder_of(job);
	struct video_result result = self->result;

	self->done(self->data, &result);
}

static void free_coder(struct worker_job *job)
{
	struct video_coder *self = coder_of(job);

	codec_destroy(self->codec);
	free(self);
}

static const struct worker_job_impl job_impl = {
	.work = encode,
	.done = handle_done,
	.drop = free_coder,
};

int video_worker_create(struct worker **ret, sd_event *event)
{
	return worker_create(ret, event, 1, STACK_SIZE);
}

int video_coder_create(struct video_coder **ret, struct worker *worker,
	const struct codec_impl *impl, video_coder_fn done, void *data)
{
	struct video_coder *self;
	int r = worker_begin(worker);

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
	worker_job_init(&self->job, &job_impl);
	if (!self->codec) {
		free(self);
		return -ENOMEM;
	}
	*ret = self;
	return 0;
}

bool video_coder_is_busy(const struct video_coder *self)
{
	return self->job.busy;
}

int video_coder_start(struct video_coder *self, const struct codec_input *in)
{
	usec_t start = clock_thread();
	int r = codec_load(self->codec, in);

	if (r < 0)
		return r;
	self->result = (struct video_result){ .cost = clock_thread() - start };
	return worker_start(self->worker, &self->job);
}

void video_coder_destroy(struct video_coder *self)
{
	if (self)
		worker_drop(self->worker, &self->job);
}
