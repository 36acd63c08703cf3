/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/analysis.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "unit/document.h"
#include "unit/fds.h"
#include "unit/test.h"

#define WIDTH 3840
#define HEIGHT 2160
#define N_PX ((size_t)WIDTH * HEIGHT)

struct fixture {
	sd_event *event;
	sd_event_source *other; /* of the loop, always ready */
	int fd;
	struct scene scene;
	struct scene_view view;
	struct analysis analysis;
	uint32_t *screen;
	struct patch patch;
	struct moves_batch batch;
	unsigned n_done;
	bool changed;
	unsigned n_turns; /* of the other */
	unsigned fds;
};

static const struct rect whole = { 0, 0, WIDTH, HEIGHT };
static const struct rect letter = { 600, 300, 620, 316 };

static void handle_done(void *data, bool changed)
{
	struct fixture *f = data;

	f->n_done++;
	f->changed = changed;
}

static int handle_other(sd_event_source *source, int fd, uint32_t revents, void *data)
{
	struct fixture *f = data;

	(void)source;
	(void)fd;
	(void)revents;
	f->n_turns++;
	return 0;
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	f->fds = fds_count();
	assert_int_equal(sd_event_new(&f->event), 0);
	f->fd = eventfd(1, EFD_CLOEXEC);
	assert_true(f->fd >= 0);
	assert_int_equal(
		sd_event_add_io(f->event, &f->other, f->fd, EPOLLIN, handle_other, f), 0);
	scene_init(&f->scene);
	assert_int_equal(scene_resize(&f->scene, WIDTH, HEIGHT), 0);
	assert_int_equal(scene_add_view(&f->scene, &f->view), 0);
	region_clear(&f->view.dirty);
	assert_int_equal(analysis_init(&f->analysis, f->event, &f->scene, handle_done, f), 0);
	analysis_handle_resize(&f->analysis);
	f->screen = xalloc(N_PX, sizeof(*f->screen));
	document_paint(f->screen, WIDTH, &whole, 0, 0);
	f->batch = (struct moves_batch){ .patches = &f->patch, .n_patches = 1 };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	analysis_finish(&f->analysis);
	scene_remove_view(&f->view);
	scene_finish(&f->scene);
	sd_event_source_disable_unref(f->other);
	close(f->fd);
	sd_event_unref(f->event);
	assert_int_equal(fds_count(), f->fds);
	free(f->screen);
	free(f);
	return 0;
}

static void start(struct fixture *f, const struct rect *at)
{
	f->patch = (struct patch){
		.at = *at,
		.pixels = f->screen + (size_t)at->top * WIDTH + (size_t)at->left,
		.stride = WIDTH,
	};
	f->n_done = 0;
	f->n_turns = 0;
	analysis_start(&f->analysis, &f->batch);
}

static void run(struct fixture *f)
{
	assert_true(sd_event_run(f->event, 10 * USEC_PER_SEC) > 0);
}

static void test_what_is_small_is_there_at_once(void **state)
{
	struct fixture *f = *state;

	start(f, &letter);
	assert_int_equal(f->n_done, 1);
	assert_true(f->changed);
	start(f, &letter);
	assert_int_equal(f->n_done, 1);
	assert_false(f->changed);
}

/* LOD-04: a key waits for one step at most, and whoever keeps the loop busy does not stop them. */
static void test_what_is_large_takes_turns_with_the_rest_of_the_loop(void **state)
{
	struct fixture *f = *state;
	unsigned n_steps = 1;

	start(f, &whole);
	while (f->n_done == 0) {
		unsigned before = f->n_turns;

		run(f);
		if (f->n_turns != before)
			continue;
		n_steps++;
		assert_true(n_steps <= f->n_turns + 2);
	}
	assert_true(f->changed);
	assert_true(n_steps >= 10);
	assert_true(f->n_turns <= 2 * n_steps);
	assert_memory_equal(f->scene.pixels, f->screen, N_PX * sizeof(*f->screen));

	for (int i = 0; i < 4; i++) /* it is told once, and the loop is left alone */
		run(f);
	assert_int_equal(f->n_done, 1);
	sd_event_source_set_enabled(f->other, SD_EVENT_OFF);
	assert_int_equal(sd_event_run(f->event, 0), 0);
}

static void test_what_is_dropped_is_never_told(void **state)
{
	struct fixture *f = *state;

	for (int n = 0; n < 40; n++) {
		start(f, &whole);
		for (int i = 0; i < n && f->n_done == 0; i++)
			run(f);
		f->n_done = 0;
		if (n % 2) {
			analysis_drop(&f->analysis);
		} else {
			assert_int_equal(scene_resize(&f->scene, WIDTH, HEIGHT), 0);
			analysis_handle_resize(&f->analysis);
		}
		for (int i = 0; i < 4; i++)
			run(f);
		assert_int_equal(f->n_done, 0);
		assert_false(f->scene.is_settling);
		document_paint(f->screen, WIDTH, &letter, n, n);
	}
	start(f, &letter);
	assert_int_equal(f->n_done, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_small_is_there_at_once),
		TEST(what_is_large_takes_turns_with_the_rest_of_the_loop),
		TEST(what_is_dropped_is_never_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
