/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Codes pictures in a thread of its own, one after another, for any number of coders: so the
 * main thread never waits for a codec. A coder is one codec, and has at most one picture under
 * way. All functions are for the main thread, and none waits.
 */

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base/clock.h"
#include "host/video/codec.h"
#include "loop/worker.h"

struct video_coder;

struct video_result {
	int error; /* 0, or of codec_encode() */
	struct codec_output
		picture; /* its bytes are borrowed until the coder's next start or end */
	usec_t cost;     /* CPU time, both threads' */
};

/* From the loop. It may start or destroy the coder. */
typedef void (*video_coder_fn)(void *data, const struct video_result *result);

/* The thread begins with the first coder. Returns 0 or negative errno. */
int video_worker_create(struct worker **ret, sd_event *event);

/* @worker is borrowed. -ENOMEM; -EAGAIN: no thread can be made. */
int video_coder_create(struct video_coder **ret, struct worker *worker,
	const struct codec_impl *impl, video_coder_fn done, void *data);

bool video_coder_is_busy(const struct video_coder *self);

/* Takes the pixels over and starts; must not be busy. Returns 0, or of codec_load(). */
int video_coder_start(struct video_coder *self, const struct codec_input *in);

/* What is under way is not told. Takes NULL. */
void video_coder_destroy(struct video_coder *self);
