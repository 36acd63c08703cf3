/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/video/video-worker.h"

#include <errno.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "unit/fds.h"
#include "unit/gate.h"
#include "unit/test.h"
#include "unit/threads.h"

/*
 * A codec that waits inside until it is let go, so that a test knows what is under way. Its
 * bodies are the first pixel's blue.
 */
static struct gate gate = GATE_OPEN;
static atomic_uint n_codecs;
static int error_inside; /* while nobody is inside */

struct gated {
	struct codec codec;
	uint8_t body;
};

static const struct codec_impl codec_gated;

static struct codec *gated_create(void)
{
	struct gated *self = xnew(struct gated);

	self->codec.impl = &codec_gated;
	n_codecs++;
	return &self->codec;
}

static int gated_load(struct codec *codec, const struct codec_input *in)
{
	((struct gated *)codec)->body = (uint8_t)in->pixels[0];
	return 0;
}

static int gated_encode(struct codec *codec, struct codec_output *ret)
{
	struct gated *self = (struct gated *)codec;

	gate_pass(&gate);
	if (error_inside == 0)
		*ret = (struct codec_output){ .bytes = &self->body, .n = 1, .key = true };
	return error_inside;
}

static void gated_destroy(struct codec *codec)
{
	n_codecs--;
	free(codec);
}

static const struct codec_impl codec_gated = {
	.id = CODEC_VP9,
	.name = "gated",
	.side_min = 1,
	.side_max = 100,
	.area_max = 10000,
	.create = gated_create,
	.load = gated_load,
	.encode = gated_encode,
	.destroy = gated_destroy,
};

struct fixture {
	sd_event *event;
	struct worker *worker;
	unsigned n_done;
	int error;
	uint8_t body;
	struct video_coder *to_destroy; /* from within handle_done */
	struct video_coder *to_start;
	unsigned fds;
};

static void start(struct video_coder *coder, uint32_t blue)
{
	struct codec_input in = { &blue, 1, 1, 1, false, 0, 0, false };

	assert_int_equal(video_coder_start(coder, &in), 0);
	assert_true(video_coder_is_busy(coder));
}

static void handle_done(void *data, const struct video_result *result)
{
	struct fixture *f = data;

	f->n_done++;
	f->error = result->error;
	if (result->error == 0)
		f->body = result->picture.bytes[0];
	if (f->to_start)
		start(TAKE_PTR(f->to_start), 77);
	video_coder_destroy(TAKE_PTR(f->to_destroy));
}

static struct video_coder *make(struct fixture *f)
{
	struct video_coder *coder;

	assert_int_equal(
		video_coder_create(&coder, f->worker, &codec_gated, handle_done, f), 0);
	return coder;
}

static void await(struct fixture *f, unsigned n)
{
	while (f->n_done < n)
		assert_true(sd_event_run(f->event, 10 * USEC_PER_SEC) > 0);
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	f->fds = fds_count();
	gate = (struct gate)GATE_OPEN;
	error_inside = 0;
	assert_int_equal(sd_event_new(&f->event), 0);
	assert_int_equal(video_worker_create(&f->worker, f->event), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	worker_destroy(f->worker);
	sd_event_unref(f->event);
	assert_int_equal(fds_count(), f->fds);
	assert_int_equal(n_codecs, 0);
	free(f);
	return 0;
}

static void test_pictures_come_back_in_the_loop(void **state)
{
	struct fixture *f = *state;
	struct video_coder *coder = make(f);

	for (unsigned i = 0; i < 200; i++) {
		start(coder, i);
		await(f, i + 1);
		assert_int_equal(f->error, 0);
		assert_int_equal(f->body, i);
		assert_false(video_coder_is_busy(coder));
	}
	video_coder_destroy(coder);
}

static void test_the_loop_goes_on_while_a_picture_is_coded(void **state)
{
	struct fixture *f = *state;
	struct video_coder *coder = make(f);

	gate_set(&gate, true);
	start(coder, 5);
	gate_await_inside(&gate, 1);
	assert_int_equal(sd_event_run(f->event, 0), 0);
	assert_int_equal(f->n_done, 0);
	gate_set(&gate, false);
	await(f, 1);
	video_coder_destroy(coder);
}

static void test_coders_take_turns_in_their_order(void **state)
{
	struct fixture *f = *state;
	struct video_coder *coders[3];

	gate_set(&gate, true);
	for (unsigned i = 0; i < 3; i++) {
		coders[i] = make(f);
		start(coders[i], i);
	}
	gate_set(&gate, false);
	await(f, 3);
	assert_int_equal(f->body, 2);
	for (unsigned i = 0; i < 3; i++)
		video_coder_destroy(coders[i]);
}

static void test_a_coder_may_go_at_any_time_and_is_never_told(void **state)
{
	struct fixture *f = *state;
	struct video_coder *coding = make(f), *queued = make(f), *idle = make(f);
	struct video_coder *after;

	gate_set(&gate, true);
	start(coding, 1);
	gate_await_inside(&gate, 1);
	start(queued, 2);
	video_coder_destroy(coding);
	video_coder_destroy(queued);
	video_coder_destroy(idle);
	video_coder_destroy(NULL);
	after = make(f);
	start(after, 3);
	gate_set(&gate, false);
	await(f, 1);
	assert_int_equal(f->body, 3);
	assert_int_equal(gate_n_passed(&gate), 2); /* of the one that waited nothing was done */

	start(after, 4); /* coded, but not told yet */
	gate_await_passed(&gate, 3);
	video_coder_destroy(after);
	while (sd_event_run(f->event, 0) > 0)
		;
	assert_int_equal(f->n_done, 1);
}

static void test_the_end_of_a_picture_may_start_the_next_or_end_the_coder(void **state)
{
	struct fixture *f = *state;
	struct video_coder *coder = make(f);

	f->to_start = coder;
	start(coder, 1);
	await(f, 2);
	assert_int_equal(f->body, 77);
	f->to_destroy = coder;
	start(coder, 2);
	await(f, 3);
	assert_int_equal(f->body, 2);
}

static void test_the_worker_ends_with_a_picture_inside(void **state)
{
	struct fixture *f = *state;
	struct video_coder *coder = make(f);

	gate_set(&gate, true);
	start(coder, 1);
	gate_await_inside(&gate, 1);
	video_coder_destroy(coder);
	gate_set(&gate, false);
	/* teardown waits for it */
}

static void test_failures_are_told(void **state)
{
	struct fixture *f = *state;
	struct video_coder *coder = make(f);
	uint32_t pixel = 0;
	struct codec_input large = { &pixel, 1, 101, 1, false, 0, 0, false };

	assert_int_equal(video_coder_start(coder, &large), -ERANGE);
	assert_false(video_coder_is_busy(coder));
	error_inside = -EIO;
	start(coder, 1);
	await(f, 1);
	assert_int_equal(f->error, -EIO);
	video_coder_destroy(coder);
}

/* A desktop on which nothing moves needs none, nor does one where no thread can be made. */
static void test_there_is_a_thread_only_for_coders(void **state)
{
	struct fixture *f = *state;
	unsigned n = threads_count();
	struct worker *other;
	struct video_coder *coder;

	assert_int_equal(video_worker_create(&other, f->event), 0);
	assert_int_equal(threads_count(), n);
	assert_int_equal(video_coder_create(&coder, other, &codec_gated, handle_done, f), 0);
	assert_int_equal(threads_count(), n + 1);
	video_coder_destroy(coder);
	worker_destroy(other);
	assert_int_equal(threads_count(), n);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pictures_come_back_in_the_loop),
		TEST(the_loop_goes_on_while_a_picture_is_coded),
		TEST(coders_take_turns_in_their_order),
		TEST(a_coder_may_go_at_any_time_and_is_never_told),
		TEST(the_end_of_a_picture_may_start_the_next_or_end_the_coder),
		TEST(the_worker_ends_with_a_picture_inside),
		TEST(failures_are_told),
		TEST(there_is_a_thread_only_for_coders),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
