/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/scene/moves.h"

#include <limits.h>
#include <string.h>

#include "base/mem.h"
#include "unit/document.h"
#include "unit/random.h"
#include "unit/test.h"

#define WIDTH 700
#define HEIGHT 500
#define COLOUR 0x00ffffffU
#define N_VIEWERS 3

/* Somebody who is sent things late, and a piece at a time. */
struct viewer {
	struct scene_view view;
	uint32_t picture[HEIGHT * WIDTH];
};

struct fixture {
	struct scene scene;
	struct moves moves;
	struct viewer viewers[N_VIEWERS];
	uint32_t screen[HEIGHT * WIDTH];
};

static const struct rect whole = { 0, 0, WIDTH, HEIGHT };

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	scene_init(&f->scene);
	moves_init(&f->moves, &f->scene);
	assert_int_equal(scene_resize(&f->scene, WIDTH, HEIGHT), 0);
	moves_handle_resize(&f->moves);
	for (int i = 0; i < N_VIEWERS; i++)
		assert_int_equal(scene_add_view(&f->scene, &f->viewers[i].view), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < N_VIEWERS; i++)
		scene_remove_view(&f->viewers[i].view);
	moves_finish(&f->moves);
	scene_finish(&f->scene);
	free(f);
	return 0;
}

/* --- viewers --- */

static void copy(uint32_t *picture, const struct scene_move *move)
{
	static uint32_t before[HEIGHT * WIDTH];

	assert_true(rect_contains(&whole, &move->to));
	memcpy(before, picture, sizeof(before));
	for (int y = move->to.top; y < move->to.bottom; y++) {
		for (int x = move->to.left; x < move->to.right; x++)
			picture[y * WIDTH + x] = before[(y - move->dy) * WIDTH + x - move->dx];
	}
}

/* Takes the moves, and @n_boxes of what is dirty. */
static void take(struct fixture *f, struct viewer *viewer, size_t n_boxes)
{
	struct scene_view *view = &viewer->view;
	struct rect box;
	size_t tile = 0;

	assert_true(view->n_moves <= SCENE_MOVES_MAX);
	for (unsigned i = 0; i < view->n_moves; i++)
		copy(viewer->picture, &view->moves[i]);
	view->n_moves = 0;
	while (n_boxes-- > 0 && region_take(&view->dirty, &tile, &box)) {
		for (int y = box.top; y < box.bottom; y++)
			memcpy(&viewer->picture[y * WIDTH + box.left],
				scene_at(&f->scene, box.left, y),
				(size_t)rect_width(&box) * sizeof(uint32_t));
	}
}

static void take_all(struct fixture *f)
{
	for (int i = 0; i < N_VIEWERS; i++)
		take(f, &f->viewers[i], SIZE_MAX);
}

static bool is_same(const uint32_t *a, const uint32_t *b)
{
	uint32_t difference = 0;

	for (size_t i = 0; i < HEIGHT * WIDTH; i++)
		difference |= a[i] ^ b[i];
	return !(difference & COLOUR);
}

static void assert_all_see_the_screen(struct fixture *f)
{
	take_all(f);
	assert_true(is_same(f->scene.pixels, f->screen));
	for (int i = 0; i < N_VIEWERS; i++)
		assert_true(is_same(f->viewers[i].picture, f->screen));
}

/* --- the screen --- */

static struct patch patch_of(struct fixture *f, const struct rect *at)
{
	return (struct patch){ *at, &f->screen[at->top * WIDTH + at->left], WIDTH };
}

static void update_hinted(
	struct fixture *f, const struct rect *damage, const struct hint *hints, size_t n_hints)
{
	struct patch patch = patch_of(f, damage);
	struct moves_batch batch = {
		.patches = &patch, .n_patches = 1, .hints = hints, .n_hints = n_hints
	};

	moves_update(&f->moves, &batch);
}

static void update(struct fixture *f, const struct rect *damage)
{
	update_hinted(f, damage, NULL, 0);
}

static void fill(struct fixture *f, const struct rect *at, uint32_t colour)
{
	struct rect r = rect_intersect(at, &whole);

	for (int y = r.top; y < r.bottom; y++) {
		for (int x = r.left; x < r.right; x++)
			f->screen[y * WIDTH + x] = colour;
	}
}

static void fill_noise(struct fixture *f, struct random *random, const struct rect *at)
{
	struct rect r = rect_intersect(at, &whole);

	for (int y = r.top; y < r.bottom; y++) {
		for (int x = r.left; x < r.right; x++)
			f->screen[y * WIDTH + x] = (uint32_t)random_u64(random);
	}
}

/* All have what is on the screen now, and what comes next is seen alone. */
static void begin(struct fixture *f)
{
	update(f, &whole);
	take_all(f);
}

static size_t dirty_area(const struct scene_view *view)
{
	size_t tile = 0, area = 0;
	struct rect box;

	while (region_next(&view->dirty, &tile, &box))
		area += rect_area(&box);
	return area;
}

/* One move, by this, and little beside what it has uncovered is dirty. */
static void assert_moved(
	struct fixture *f, const struct rect *to, int dx, int dy, size_t dirty_max)
{
	const struct scene_view *view = &f->viewers[0].view;

	assert_int_equal(view->n_moves, 1);
	assert_int_equal(view->moves[0].dx, dx);
	assert_int_equal(view->moves[0].dy, dy);
	assert_true(rect_contains(&view->moves[0].to, to));
	assert_true(dirty_area(view) <= dirty_max);
	assert_all_see_the_screen(f);
}

static void assert_nothing_moved(struct fixture *f)
{
	assert_int_equal(f->viewers[0].view.n_moves, 0);
	assert_all_see_the_screen(f);
}

/* --- scrolls --- */

/* A window's text by @step upwards. What is blank at its ends before and after may stay. */
static void scroll(
	struct fixture *f, const struct rect *text, const struct rect *damage, int step)
{
	struct rect to = *text;

	document_paint(f->screen, WIDTH, text, 0, 1000);
	begin(f);
	document_paint(f->screen, WIDTH, text, 0, 1000 + step);
	update(f, damage);
	to.top += (step < 0 ? -step : 0) + 2 * DOCUMENT_LINE_PX;
	to.bottom -= (step > 0 ? step : 0) + 2 * DOCUMENT_LINE_PX;
	to.left += 8;
	to.right -= 8;
	assert_moved(f, &to, 0, -step,
		(size_t)(rect_width(text) + 2 * 64) * (size_t)(abs(step) + 2));
}

static void test_a_scroll_leaves_only_the_new_rows_dirty(void **state)
{
	static const int steps[] = { 3, 40, -17, 1, 200, -90 };
	static const struct rect texts[] = { { 0, 0, WIDTH, HEIGHT }, { 0, 30, WIDTH / 2, 470 },
		{ 333, 11, 641, 417 }, { 64, 64, 640, 448 }, { 201, 0, 400, HEIGHT } };
	struct fixture *f = *state;
	struct random random = { 1 };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(steps); k++) {
			fill_noise(f, &random, &whole);
			scroll(f, &texts[i], &texts[i], steps[k]);
			/* Reported by somebody who repaints all that he has. */
			scroll(f, &texts[i], &whole, steps[k]);
		}
	}
}

static void test_a_scroll_to_the_side_is_found(void **state)
{
	static const int steps[] = { 5, -31, 64, 100 };
	static const struct rect text = { 40, 50, 640, 450 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct rect to = text;

		fill(f, &whole, 0x334455);
		document_paint(f->screen, WIDTH, &text, 40, 1000);
		begin(f);
		document_paint(f->screen, WIDTH, &text, 40 + steps[i], 1000);
		update(f, &whole);
		/* Lines end there. */
		to.left += steps[i] < 0 ? -steps[i] : 0;
		to.right = to.left + 200;
		assert_moved(f, &to, -steps[i], 0, (size_t)(abs(steps[i]) + 64) * 512);
	}
}

static void test_two_windows_scroll_at_once(void **state)
{
	static const struct rect left = { 10, 20, 330, 480 }, right = { 350, 40, 690, 500 };
	struct fixture *f = *state;
	const struct scene_view *view = &f->viewers[0].view;

	fill(f, &whole, 0x334455);
	document_paint(f->screen, WIDTH, &left, 0, 1000);
	document_paint(f->screen, WIDTH, &right, 0, 5000);
	begin(f);
	document_paint(f->screen, WIDTH, &left, 0, 1012);
	document_paint(f->screen, WIDTH, &right, 0, 4964);
	update(f, &whole);
	assert_int_equal(view->n_moves, 2);
	assert_int_equal(view->moves[0].dy + view->moves[1].dy, -12 + 36);
	assert_true(dirty_area(view) < 460 * (12 + 36 + 4));
	assert_all_see_the_screen(f);
}

static void test_what_else_changes_meanwhile_stays_a_small_change(void **state)
{
	static const struct rect text = { 100, 50, 600, 450 };
	static const struct rect caret = { 300, 200, 302, 216 }, clock = { 620, 5, 690, 25 };
	struct rect to = { 100, 50, 600, 400 };
	struct fixture *f = *state;
	struct random random = { 2 };

	fill(f, &whole, 0x334455);
	document_paint(f->screen, WIDTH, &text, 0, 1000);
	fill(f, &caret, 0xff0000);
	begin(f);
	document_paint(f->screen, WIDTH, &text, 0, 1048);
	fill_noise(f, &random, &clock);
	update(f, &whole);
	assert_moved(f, &to, 0, -48, 500 * 50 + 70 * 20 + 64 * 40);
}

/* --- drags --- */

static void drag(struct fixture *f, const struct rect *from, int dx, int dy, bool hinted)
{
	struct rect to = rect_shifted(from, dx, dy), damage = rect_unite(from, &to);
	const struct hint hint = { *from, dx, dy };
	struct rect visible = rect_intersect(&to, &whole);
	struct rect was = rect_intersect(from, &whole);
	struct rect source = rect_shifted(&was, dx, dy);
	size_t uncovered;

	damage = rect_intersect(&damage, &whole);
	document_paint(f->screen, WIDTH, &whole, 0, 0);
	document_paint(
		f->screen, WIDTH, &was, was.left - from->left, 7000 + was.top - from->top);
	begin(f);
	document_paint(f->screen, WIDTH, &whole, 0, 0);
	document_paint(f->screen, WIDTH, &visible, visible.left - to.left,
		7000 + visible.top - to.top);
	update_hinted(f, &damage, &hint, hinted);
	source = rect_intersect(&source, &visible);
	uncovered = rect_area(&damage) - rect_area(&source);
	assert_moved(f, &source, dx, dy, uncovered + (size_t)64 * (WIDTH + HEIGHT));
}

static void test_a_dragged_window_is_one_move(void **state)
{
	static const int steps[][2] = { { 13, -7 }, { -13, 7 }, { 1, 1 }, { 120, 30 },
		{ -64, -64 }, { 0, 9 }, { 21, 0 } };
	static const struct rect windows[] = { { 150, 100, 500, 400 }, { -20, 40, 310, 333 },
		{ 400, 250, 760, 560 } };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(windows); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(steps); k++)
			drag(f, &windows[i], steps[k][0], steps[k][1], true);
	}
}

static void test_wrong_hints_do_no_harm(void **state)
{
	static const int values[] = { INT_MIN, INT_MAX, -40000, 40000, 0, 1, -WIDTH,
		WIDTH - 1 };
	static const struct rect text = { 100, 50, 600, 450 };
	struct fixture *f = *state;
	struct random random = { 3 };
	struct hint hints[40];

	for (int i = 0; i < 30; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(hints); k++) {
			int *value = &hints[k].from.left;

			for (size_t n = 0; n < 6; n++)
				value[n] = random_below(&random, 2)
					? values[random_below(&random, ARRAY_SIZE(values))]
					: random_below(&random, 900) - 200;
		}
		document_paint(f->screen, WIDTH, &text, i % 3, 1000 * i);
		update_hinted(f, &whole, hints, ARRAY_SIZE(hints));
		assert_all_see_the_screen(f);
	}
}

/* --- what is no move --- */

static void test_noise_one_colour_and_small_changes_are_no_moves(void **state)
{
	static const struct rect part = { 100, 100, 500, 400 }, typed = { 100, 100, 180, 116 };
	struct fixture *f = *state;
	struct random random = { 4 };

	for (int i = 0; i < 5; i++) {
		fill_noise(f, &random, &whole);
		update(f, &whole);
		assert_nothing_moved(f);
		fill(f, &part, (uint32_t)i * 0x101010);
		update(f, &whole);
		assert_nothing_moved(f);
	}
	document_paint(f->screen, WIDTH, &whole, 0, 0);
	begin(f);
	document_paint(f->screen, WIDTH, &typed, 0, 36);
	update(f, &whole);
	assert_nothing_moved(f);
	update(f, &whole);
	assert_true(scene_view_is_empty(&f->viewers[0].view));
}

/* Of five kinds, over and over, but for their numbers: other columns know nothing. */
static void test_a_scroll_of_lines_that_are_much_alike_is_found(void **state)
{
	static const struct rect number = { 415, 0, 440, HEIGHT };
	struct fixture *f = *state;

	for (int i = 0; i < 6; i++) {
		for (int y = 0; y < HEIGHT; y += DOCUMENT_LINE_PX) {
			struct rect line = { 0, y, WIDTH, y + DOCUMENT_LINE_PX };
			struct rect part = rect_intersect(&line, &number);
			int n = y / DOCUMENT_LINE_PX + i;

			line = rect_intersect(&line, &whole);
			part = rect_intersect(&part, &whole);
			document_paint(f->screen, WIDTH, &line, 0, (1 + n % 5) * DOCUMENT_LINE_PX);
			document_paint(f->screen, WIDTH, &part, 0, (5000 + n) * DOCUMENT_LINE_PX);
		}
		update(f, &whole);
		assert_true(i == 0 || dirty_area(&f->viewers[0].view) < 30 * WIDTH);
		assert_all_see_the_screen(f);
	}
}

/* It is looked for less often then. */
static void test_a_scroll_is_found_soon_after_a_video(void **state)
{
	struct fixture *f = *state;
	struct random random = { 7 };
	unsigned n_found = 0;

	for (int i = 0; i < 30; i++) {
		fill_noise(f, &random, &whole);
		update(f, &whole);
		assert_nothing_moved(f);
	}
	for (int i = 0; i < 10; i++) {
		document_paint(f->screen, WIDTH, &whole, 0, 20 * i);
		update(f, &whole);
		n_found += f->viewers[0].view.n_moves;
		assert_all_see_the_screen(f);
	}
	assert_true(n_found >= 6);
}

/* Between two patches there are pixels that nobody has captured: they stay. */
static void test_what_is_not_captured_is_not_moved_over(void **state)
{
	static const struct rect rects[] = { { 0, 0, 230, HEIGHT }, { 260, 0, WIDTH, 210 },
		{ 290, 210, WIDTH, HEIGHT } };
	struct fixture *f = *state;
	struct patch patches[ARRAY_SIZE(rects)];
	struct moves_batch batch = { .patches = patches, .n_patches = ARRAY_SIZE(rects) };

	document_paint(f->screen, WIDTH, &whole, 0, 1000);
	begin(f);
	for (size_t i = 0; i < ARRAY_SIZE(rects); i++) {
		document_paint(f->screen, WIDTH, &rects[i], rects[i].left, 1040 + rects[i].top);
		patches[i] = patch_of(f, &rects[i]);
	}
	moves_update(&f->moves, &batch);
	assert_true(f->viewers[0].view.n_moves >= 2);
	assert_true(dirty_area(&f->viewers[0].view) < 80 * WIDTH);
	assert_all_see_the_screen(f);
}

/* As it would be without any. */
static void test_without_memory_for_moves_the_picture_is_right(void **state)
{
	static const struct rect text = { 100, 50, 600, 450 };
	struct fixture *f = *state;

	free(TAKE_PTR(f->moves.scores));
	for (int i = 0; i < 3; i++) {
		document_paint(f->screen, WIDTH, &text, 0, 10 * i);
		update(f, &whole);
		assert_nothing_moved(f);
	}
}

/* --- anything --- */

/* Windows with text that is scrolled, over each other; noise, plain areas, things that move. */
struct window {
	struct rect at;
	int x;
	int y;
};

static void change(struct window *window, struct random *random, struct hint *hint)
{
	struct rect was = window->at;
	int dx = random_below(random, 60) - 30, dy = random_below(random, 60) - 30;

	switch (random_below(random, 4)) {
	case 0:
		window->y += dy;
		break;
	case 1:
		window->x += dx;
		break;
	case 2:
		window->at = rect_shifted(&was, dx, dy);
		*hint = (struct hint){ was, dx, dy };
		break;
	}
	if (rect_intersect(&window->at, &whole).right <= 0 || window->at.top > HEIGHT - 40
		|| window->at.left > WIDTH - 40)
		window->at = rect_sized(random_below(random, 300), random_below(random, 200),
			100 + random_below(random, 400), 50 + random_below(random, 300));
}

static void paint(struct fixture *f, const struct window *windows, size_t n)
{
	fill(f, &whole, 0x336699);
	for (size_t i = 0; i < n; i++) {
		struct rect r = rect_intersect(&windows[i].at, &whole);

		if (rect_is_empty(&r))
			continue;
		document_paint(f->screen, WIDTH, &r, windows[i].x + r.left - windows[i].at.left,
			windows[i].y + r.top - windows[i].at.top);
	}
}

/* The screen as several patches that do not overlap; often something between them is missing. */
static size_t cut(struct fixture *f, struct random *random, struct patch patches[4])
{
	int x = 50 + random_below(random, WIDTH - 100), y = 50 + random_below(random, HEIGHT - 100);
	int gap = random_below(random, 2) * random_below(random, 40);
	const struct rect rects[4] = { { 0, 0, x - gap, y }, { x, gap, WIDTH, y },
		{ gap, y, x, HEIGHT }, { x + gap, y + gap, WIDTH, HEIGHT } };

	if (random_below(random, 2)) {
		patches[0] = patch_of(f, &whole);
		return 1;
	}
	for (size_t i = 0; i < 4; i++)
		patches[i] = patch_of(f, &rects[i]);
	return 4;
}

/* In steps of any size, between which somebody is sent what there is. */
static void take_over(struct fixture *f, struct random *random, const struct moves_batch *batch)
{
	size_t max_px =
		random_below(random, 2) ? SIZE_MAX : 1 + (size_t)random_below(random, 90000);
	bool changed;

	moves_start(&f->moves, batch);
	while (!moves_go_on(&f->moves, max_px, &changed)) {
		if (random_below(random, 8) == 0)
			take(f, &f->viewers[1], (size_t)random_below(random, 9));
	}
	assert_false(f->scene.is_settling);
}

static unsigned step(struct fixture *f, struct random *random, struct window *windows, size_t n)
{
	struct hint hints[2] = { 0 };
	struct patch patches[4];
	struct moves_batch batch = { .patches = patches, .hints = hints, .n_hints = 2 };
	struct rect noise =
		rect_sized(random_below(random, WIDTH), random_below(random, HEIGHT),
			random_below(random, 100), random_below(random, 100));
	unsigned before = f->viewers[0].view.n_moves;

	for (size_t i = 0; i < 2; i++)
		change(&windows[random_below(random, (int)n)], random, &hints[i]);
	paint(f, windows, n);
	if (random_below(random, 3) == 0)
		fill_noise(f, random, &noise);
	batch.n_patches = cut(f, random, patches);
	take_over(f, random, &batch);
	return f->viewers[0].view.n_moves != before;
}

static void test_any_sequence_ends_in_the_same_picture_for_all(void **state)
{
	struct fixture *f = *state;
	unsigned n_moves = 0;

	for (uint64_t seed = 1; seed <= 80; seed++) {
		struct random random = { seed };
		struct window windows[3];

		for (size_t i = 0; i < ARRAY_SIZE(windows); i++)
			windows[i] = (struct window){
				.at = rect_sized(random_below(&random, 400),
					random_below(&random, 300),
					100 + random_below(&random, 400),
					50 + random_below(&random, 400)),
				.y = 1000 * (int)i,
			};
		for (int i = 0; i < 25; i++) {
			n_moves += step(f, &random, windows, ARRAY_SIZE(windows));
			/* One follows, one now and then and in pieces, one not at all. */
			take(f, &f->viewers[0], SIZE_MAX);
			if (random_below(&random, 2))
				take(f, &f->viewers[1], (size_t)random_below(&random, 60));
		}
		update(f, &whole);
		assert_all_see_the_screen(f);
	}
	assert_true(n_moves > 800);
}

static void test_between_steps_it_is_told_that_half_may_be_there(void **state)
{
	struct fixture *f = *state;
	struct patch patch = patch_of(f, &whole);
	struct moves_batch batch = { .patches = &patch, .n_patches = 1 };
	bool changed = false, settled = false;
	unsigned n = 0;

	take_all(f); /* all is dirty for those who are new */
	document_paint(f->screen, WIDTH, &whole, 0, 0);
	moves_start(&f->moves, &batch);
	for (; !moves_go_on(&f->moves, WIDTH * HEIGHT / 4, &changed); n++) {
		bool same = region_is_empty(&f->viewers[0].view.dirty);

		assert_true(same || f->scene.is_settling);
		settled |= !same;
		take_all(f);
	}
	assert_true(changed && settled);
	assert_true(n >= 6); /* to compare, and to take */
	assert_false(f->scene.is_settling);
	assert_all_see_the_screen(f);

	moves_start(&f->moves, &batch); /* again: nothing differs */
	while (!moves_go_on(&f->moves, 1, &changed))
		assert_false(f->scene.is_settling);
	assert_false(changed);
}

static void test_a_batch_can_be_forgotten_at_any_step(void **state)
{
	struct fixture *f = *state;
	struct patch patch = patch_of(f, &whole);
	struct moves_batch batch = { .patches = &patch, .n_patches = 1 };
	bool changed;

	for (int n = 0; n < 12; n++) {
		document_paint(f->screen, WIDTH, &whole, 0, 7 * n);
		moves_start(&f->moves, &batch);
		for (int i = 0; i < n; i++)
			assert_false(moves_go_on(&f->moves, WIDTH * 32, &changed));
		if (n % 2) {
			assert_int_equal(scene_resize(&f->scene, WIDTH, HEIGHT), 0);
			moves_handle_resize(&f->moves);
			for (int i = 0; i < N_VIEWERS; i++)
				memset(f->viewers[i].picture, 0, sizeof(f->viewers[i].picture));
		} else {
			moves_drop(&f->moves);
		}
		assert_false(f->scene.is_settling);
		update(f, &whole);
		assert_all_see_the_screen(f);
	}
}

static void test_screens_of_any_size(void **state)
{
	static const unsigned sizes[][2] = { { 1, 1 }, { 16384, 1 }, { 1, 16384 }, { 63, 65 },
		{ 3, 4000 }, { 4097, 2049 } };
	struct random random = { 6 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		int width = (int)sizes[i][0], height = (int)sizes[i][1];
		uint32_t *screen = xalloc((size_t)width * (size_t)height, sizeof(*screen));
		struct rect all = { 0, 0, width, height };
		struct scene_view view;
		struct scene scene;
		struct moves moves;

		scene_init(&scene);
		moves_init(&moves, &scene);
		assert_int_equal(scene_resize(&scene, sizes[i][0], sizes[i][1]), 0);
		moves_handle_resize(&moves);
		assert_int_equal(scene_add_view(&scene, &view), 0);
		for (int k = 0; k < 4; k++) {
			struct hint hint = { all, random_below(&random, 9) - 4, k };
			struct patch patch = { all, screen, (size_t)width };
			struct moves_batch batch = { &patch, 1, &hint, 1 };

			document_paint(screen, width, &all, 5 * k, 11 * k);
			moves_update(&moves, &batch);
			assert_memory_equal(scene.pixels, screen,
				(size_t)width * (size_t)height * sizeof(*screen));
		}
		scene_remove_view(&view);
		assert_int_equal(scene_resize(&scene, 0, 0), 0);
		moves_handle_resize(&moves);
		moves_finish(&moves);
		scene_finish(&scene);
		free(screen);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_scroll_leaves_only_the_new_rows_dirty),
		TEST(a_scroll_to_the_side_is_found),
		TEST(two_windows_scroll_at_once),
		TEST(what_else_changes_meanwhile_stays_a_small_change),
		TEST(a_dragged_window_is_one_move),
		TEST(wrong_hints_do_no_harm),
		TEST(noise_one_colour_and_small_changes_are_no_moves),
		TEST(a_scroll_of_lines_that_are_much_alike_is_found),
		TEST(a_scroll_is_found_soon_after_a_video),
		TEST(what_is_not_captured_is_not_moved_over),
		TEST(without_memory_for_moves_the_picture_is_right),
		TEST(any_sequence_ends_in_the_same_picture_for_all),
		TEST(between_steps_it_is_told_that_half_may_be_there),
		TEST(a_batch_can_be_forgotten_at_any_step),
		cmocka_unit_test(test_screens_of_any_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
