/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What it costs to take over a batch of captured pixels, moves found in it included:
 *
 *	moves [SECONDS]
 *
 * prints a line for each kind of change and size of screen: the median CPU time, beside that of
 *a copy of the same pixels in the same run, what has been found, and what is left to be sent.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "host/scene/moves.h"
#include "unit/document.h"

#define FRAMES 8 /* that repeat */

struct bench {
	int width;
	int height;
	uint32_t *frames[FRAMES];
	struct rect damage;
	struct hint hints[FRAMES]; /* from the frame before */
	struct scene scene;
	struct moves moves;
	struct scene_view view;
};

struct figures {
	double update_usec;
	double copy_usec;
	unsigned n_moves;
	size_t dirty;
};

/* Of this thread: others may use the machine too. */
static double now_usec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double time_copy(const struct bench *self, const uint32_t *frame, uint32_t *to)
{
	double start = now_usec();

	for (int y = self->damage.top; y < self->damage.bottom; y++) {
		size_t at = (size_t)y * (size_t)self->width + (size_t)self->damage.left;

		memcpy(to + at, frame + at, (size_t)rect_width(&self->damage) * sizeof(*to));
	}
	return now_usec() - start;
}

static double time_update(struct bench *self, unsigned i)
{
	const struct rect *at = &self->damage;
	struct patch patch = { *at,
		self->frames[i] + (size_t)at->top * (size_t)self->width + (size_t)at->left,
		(size_t)self->width };
	struct moves_batch batch = { &patch, 1, &self->hints[i],
		!rect_is_empty(&self->hints[i].from) };
	double start = now_usec();

	moves_update(&self->moves, &batch);
	return now_usec() - start;
}

static struct figures count(struct bench *self)
{
	struct figures figures = { .n_moves = self->view.n_moves };
	struct rect box;
	size_t tile = 0;

	while (region_take(&self->view.dirty, &tile, &box))
		figures.dirty += rect_area(&box);
	self->view.n_moves = 0;
	return figures;
}

static struct figures measure(struct bench *self, double seconds)
{
	double end = now_usec() + seconds * 1e6;
	uint32_t *to = xalloc((size_t)self->width * (size_t)self->height, sizeof(*to));
	struct figures figures = { 0 };
	unsigned n = 0;

	scene_init(&self->scene);
	moves_init(&self->moves, &self->scene);
	if (scene_resize(&self->scene, (unsigned)self->width, (unsigned)self->height) < 0
		|| scene_add_view(&self->scene, &self->view) < 0)
		exit(1);
	moves_handle_resize(&self->moves);
	/* The first round is a warm-up, and the first frame no change from the last. */
	for (unsigned i = 0; i < 4 * FRAMES || now_usec() < end; i++) {
		double update = time_update(self, i % FRAMES);
		struct figures found = count(self);

		if (i >= FRAMES && i % FRAMES != 0) {
			figures.n_moves = found.n_moves;
			figures.dirty = found.dirty;
			figures.update_usec += update;
			figures.copy_usec += time_copy(self, self->frames[i % FRAMES], to);
			n++;
		}
	}
	figures.update_usec /= n;
	figures.copy_usec /= n;
	scene_remove_view(&self->view);
	moves_finish(&self->moves);
	scene_finish(&self->scene);
	free(to);
	return figures;
}

/* --- what changes --- */

static struct rect whole(const struct bench *self)
{
	return (struct rect){ 0, 0, self->width, self->height };
}

static void paint_typing(struct bench *self, int i)
{
	struct rect all = whole(self), line = { 200, 300, 208 + 8 * i, 318 };

	self->damage = (struct rect){ 200, 300, 272, 318 };
	document_paint(self->frames[i], self->width, &all, 0, 0);
	document_paint(self->frames[i], self->width, &line, 0, 18 * 101);
}

/* Between a bar above and one at the left. */
static void paint_scroll(struct bench *self, int i)
{
	struct rect all = whole(self), text = { 200, 100, self->width, self->height };

	self->damage = all;
	document_paint(self->frames[i], self->width, &all, 0, 0);
	document_paint(self->frames[i], self->width, &text, 0, 10000 + 40 * i);
}

static void paint_drag(struct bench *self, int i)
{
	struct rect all = whole(self);
	struct rect at = rect_sized(200 + 13 * i, 300 - 7 * i, 900, 600);
	struct rect first = rect_sized(200, 300, 900, 600);
	struct rect last = rect_sized(200 + 13 * FRAMES, 300 - 7 * FRAMES, 900, 600);

	self->damage = rect_unite(&first, &last);
	document_paint(self->frames[i], self->width, &all, 0, 0);
	document_paint(self->frames[i], self->width, &at, 0, 10000);
	self->hints[i] = (struct hint){ rect_shifted(&at, -13, 7), 13, -7 };
}

static void paint_nothing(struct bench *self, int i)
{
	self->damage = whole(self);
	document_paint(self->frames[i], self->width, &self->damage, 0, 0);
}

static void paint_noise(struct bench *self, int i)
{
	struct random random = { (uint64_t)i };

	self->damage = whole(self);
	for (size_t n = 0; n < rect_area(&self->damage); n++)
		self->frames[i][n] = (uint32_t)random_u64(&random) & 0xffffff;
}

static const struct {
	const char *name;
	void (*paint)(struct bench *self, int i);
} kinds[] = {
	{ "typing", paint_typing },
	{ "scroll by repaint", paint_scroll },
	{ "window drag", paint_drag },
	{ "repaint, no change", paint_nothing },
	{ "noise (video)", paint_noise },
};

static void run(int width, int height, size_t kind, double seconds)
{
	struct bench bench = { .width = width, .height = height };
	struct figures figures;

	for (int i = 0; i < FRAMES; i++) {
		bench.frames[i] =
			xalloc((size_t)width * (size_t)height, sizeof(*bench.frames[i]));
		kinds[kind].paint(&bench, i);
	}
	figures = measure(&bench, seconds);
	printf("%dx%d  %-20s %9.1f us   a copy %9.1f us   ratio %5.2f   %u moves, %zu px "
	       "dirty\n",
		width, height, kinds[kind].name, figures.update_usec, figures.copy_usec,
		figures.update_usec / figures.copy_usec, figures.n_moves, figures.dirty);
	fflush(stdout);
	for (int i = 0; i < FRAMES; i++)
		free(bench.frames[i]);
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 1;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		run(1920, 1080, i, seconds);
		run(3840, 2160, i, seconds);
	}
	return 0;
}
