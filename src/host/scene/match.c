/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/scene/match.h"

#include "host/scene/pixels.h"

#define TILE REGION_TILE_PX

/* Rows of tiles, 64 pixels each, that a move must gain: fewer are found by chance. */
#define GAIN_MIN 64
/* So many changed parts that show no sign of the move, and it is given up. */
#define HOPELESS_PARTS 16
/* The score of a row where no rectangle may go: more than all its tiles can make up for. */
#define BARRIER (-(1 << 20))

static int count(uint64_t rows)
{
	return __builtin_popcountll(rows);
}

/* The tiles that hold @area. */
static struct rect tiles_of(const struct rect *area)
{
	return (struct rect){ area->left / TILE, area->top / TILE, (area->right - 1) / TILE + 1,
		(area->bottom - 1) / TILE + 1 };
}

/* --- which rows have moved --- */

/* What is compared of a part, and with what. */
struct pair {
	struct part *part;
	const uint32_t *new; /* in the part's uppermost row, */
	const uint32_t *old; /* even where that is not compared */
	size_t width;
	uint64_t rows;
};

static bool begin_pair(const struct match *self, struct part *part, struct pair *ret)
{
	struct rect r = rect_intersect(&part->at, &self->area);
	struct rect box = part_box(part);

	part->moved = 0;
	part->wanted = 0;
	part->taken = 0;
	if (rect_is_empty(&r))
		return false;
	box = rect_intersect(&box, &r);
	if (!rect_is_empty(&box))
		part->wanted = part->changed;
	*ret = (struct pair){
		.part = part,
		.new = part->pixels + (r.left - part->at.left),
		.old = self->scene->pixels
			+ (ptrdiff_t)(part->at.top - self->dy) * (ptrdiff_t)self->scene->width
			+ (r.left - self->dx),
		.width = (size_t)rect_width(&r),
		.rows = part_rows(part, r.top, r.bottom),
	};
	return true;
}

static void compare_row(const struct match *self, const struct pair *pair, int row)
{
	if ((pair->rows >> row & 1)
		&& pixels_equal(pair->new + (size_t)row * pair->part->stride,
			pair->old + (ptrdiff_t)row * (ptrdiff_t)self->scene->width,
			pair->width))
		pair->part->moved |= UINT64_C(1) << row;
}

/* Row by row through parts that stand side by side: that is how they lie in memory. */
static void compare_run(const struct match *self, const struct pair *pairs, size_t n)
{
	for (int row = 0; row < TILE; row++) {
		for (size_t i = 0; i < n; i++)
			compare_row(self, &pairs[i], row);
	}
}

/* Rows of a part that speak for a move, and those against it. */
static uint64_t rows_for(const struct part *part)
{
	return part->moved & part->wanted & ~part->taken;
}

static uint64_t rows_against(const struct part *part)
{
	return ~part->moved | part->taken;
}

/* How much of some parts of one row of tiles has moved; adds how many have changed. */
static int compare_tiles(
	const struct match *self, int row, int left, int right, unsigned *n_changed)
{
	struct pair pairs[PART_RUN_MAX];
	size_t n = 0;
	int gain = 0;

	for (int column = left; column < right; column++) {
		struct part *part = captured_at(self->captured, column, row);

		if (part && begin_pair(self, part, &pairs[n]))
			n++;
	}
	compare_run(self, pairs, n);
	for (size_t i = 0; i < n; i++) {
		gain += count(rows_for(pairs[i].part));
		*n_changed += pairs[i].part->wanted != 0;
	}
	return gain;
}

/* Has enough changed there for a move to be worth it? */
static bool is_worth_it(const struct match *self)
{
	struct rect tiles = tiles_of(&self->area);
	int n_rows = 0;

	for (int row = tiles.top; row < tiles.bottom && n_rows < GAIN_MIN; row++) {
		for (int column = tiles.left; column < tiles.right; column++) {
			const struct part *part = captured_at(self->captured, column, row);

			n_rows += part ? count(part->changed) : 0;
		}
	}
	return n_rows >= GAIN_MIN;
}

/* False: nothing of it has moved so. */
static bool compare_all(const struct match *self, bool doubtful)
{
	struct rect tiles = tiles_of(&self->area);
	unsigned n_changed = 0;
	int gain = 0;

	for (int row = tiles.top; row < tiles.bottom; row++) {
		for (int column = tiles.left; column < tiles.right; column += PART_RUN_MAX) {
			int end = column + PART_RUN_MAX;

			gain += compare_tiles(self, row, column,
				end < tiles.right ? end : tiles.right, &n_changed);
			if (doubtful && n_changed >= HOPELESS_PARTS && gain == 0)
				return false;
		}
	}
	return gain >= GAIN_MIN;
}

/* --- the best rectangle --- */

/* The column with the most that speaks for a move; false when it is too little. */
static bool find_seed(const struct match *self, int *ret)
{
	struct rect tiles = tiles_of(&self->area);
	int best = 0, total = 0;

	for (int column = tiles.left; column < tiles.right; column++) {
		int gain = 0;

		for (int row = tiles.top; row < tiles.bottom; row++) {
			const struct part *part = captured_at(self->captured, column, row);

			if (part)
				gain += count(rows_for(part));
		}
		total += gain;
		if (gain > best) {
			best = gain;
			*ret = column;
		}
	}
	return total >= GAIN_MIN;
}

/* What a part, if there is one, adds to the scores of the rows from @top to @bottom. */
static void add_scores(const struct match *self, const struct part *part, int top, int bottom)
{
	uint64_t captured = part ? part_rows(part, top, bottom) : 0;

	for (int y = top; y < bottom; y++) {
		int bit = part ? y - part->at.top : 0;

		if (bit < 0 || bit >= TILE || !(captured >> bit & 1))
			self->scores[y] = BARRIER;
		else
			self->scores[y] += (int)(rows_for(part) >> bit & 1)
				- (int)(rows_against(part) >> bit & 1);
	}
}

/* What the columns of tiles from @left to @right say of each row of pixels. */
static void sum_scores(const struct match *self, int left, int right)
{
	struct rect tiles = tiles_of(&self->area);

	for (int y = self->area.top; y < self->area.bottom; y++)
		self->scores[y] = 0;
	for (int row = tiles.top; row < tiles.bottom; row++) {
		struct rect tile = rect_sized(self->area.left, row * TILE, TILE, TILE);
		struct rect r = rect_intersect(&tile, &self->area);

		for (int column = left; column < right; column++)
			add_scores(self, captured_at(self->captured, column, row), r.top,
				r.bottom);
	}
}

/* The rows with the largest sum; rows at their ends that say nothing are in it. */
static int best_rows(const struct match *self, int *ret_top, int *ret_bottom)
{
	int best = 0, sum = 0, top = self->area.top;

	for (int y = self->area.top; y < self->area.bottom; y++) {
		if (self->scores[y] <= BARRIER / 2 || sum + self->scores[y] < 0) {
			sum = 0;
			top = y + 1;
			continue;
		}
		sum += self->scores[y];
		if (sum >= best && sum > 0) {
			best = sum;
			*ret_top = top;
			*ret_bottom = y + 1;
		}
	}
	return best;
}

/* The part of a tile's column that is captured in all rows of @rect. */
static struct rect captured_columns(
	const struct match *self, const struct rect *rect, int column)
{
	struct rect ret = { column * TILE, rect->top, column * TILE + TILE, rect->bottom };

	ret.left = ret.left > self->area.left ? ret.left : self->area.left;
	ret.right = ret.right < self->area.right ? ret.right : self->area.right;
	for (int row = rect->top / TILE; row * TILE < rect->bottom; row++) {
		const struct part *part = captured_at(self->captured, column, row);

		if (!part)
			return (struct rect){ 0 };
		ret.left = ret.left > part->at.left ? ret.left : part->at.left;
		ret.right = ret.right < part->at.right ? ret.right : part->at.right;
	}
	return ret;
}

/* Is nothing missing between two columns of tiles, of which @left is one? */
static bool are_joined(const struct match *self, const struct rect *rect, int left)
{
	struct rect a = captured_columns(self, rect, left);
	struct rect b = captured_columns(self, rect, left + 1);

	return !rect_is_empty(&a) && !rect_is_empty(&b) && a.right == b.left;
}

/* Would it do to take a whole column of tiles into the rectangle? */
static bool accepts(const struct match *self, const struct rect *rect, int column)
{
	int sum = 0;

	for (int row = rect->top / TILE; row * TILE < rect->bottom; row++) {
		const struct part *part = captured_at(self->captured, column, row);
		uint64_t rows = part_rows(part, rect->top, rect->bottom);

		sum += count(rows_for(part) & rows) - count(rows_against(part) & rows);
	}
	return sum >= 0;
}

/* How many pixels have moved in all rows of @columns, from the right (or left) edge on? */
static int same_columns(const struct match *self, const struct rect *columns, bool from_right)
{
	size_t n = (size_t)rect_width(columns);

	for (int y = columns->top; y < columns->bottom && n > 0; y++) {
		const struct part *part =
			captured_at(self->captured, columns->left / TILE, y / TILE);
		int x = from_right ? columns->right - (int)n : columns->left;
		const uint32_t *new = part->pixels + (size_t)(y - part->at.top) * part->stride
			+ (x - part->at.left);
		const uint32_t *old = scene_at(self->scene, x - self->dx, y - self->dy);

		n = from_right ? pixels_same_tail(new, old, n) : pixels_same_head(new, old, n);
	}
	return (int)n;
}

static void grow_sides(const struct match *self, struct rect *rect)
{
	struct rect beside = captured_columns(self, rect, rect->left / TILE - 1);

	if (rect->left % TILE == 0 && !rect_is_empty(&beside) && beside.right == rect->left)
		rect->left -= same_columns(self, &beside, true);
	beside = captured_columns(self, rect, rect->right / TILE);
	if (rect->right % TILE == 0 && !rect_is_empty(&beside) && beside.left == rect->right)
		rect->right += same_columns(self, &beside, false);
}

/* @left and @right are columns of tiles. */
static void set_sides(const struct match *self, struct rect *rect, int left, int right)
{
	rect->left = captured_columns(self, rect, left).left;
	rect->right = captured_columns(self, rect, right - 1).right;
}

static bool find_rect(const struct match *self, struct rect *ret)
{
	struct rect tiles = tiles_of(&self->area);
	int left, right, gain;

	if (!find_seed(self, &left))
		return false;
	right = left + 1;
	sum_scores(self, left, right);
	if (best_rows(self, &ret->top, &ret->bottom) == 0)
		return false;
	while (left > tiles.left && are_joined(self, ret, left - 1)
		&& accepts(self, ret, left - 1))
		left--;
	while (right < tiles.right && are_joined(self, ret, right - 1)
		&& accepts(self, ret, right))
		right++;
	sum_scores(self, left, right);
	gain = best_rows(self, &ret->top, &ret->bottom);
	if (gain < GAIN_MIN)
		return false;
	set_sides(self, ret, left, right);
	grow_sides(self, ret);
	return !rect_is_empty(ret) && captured_covers(self->captured, ret);
}

/* No other rectangle takes these again. */
static void take(const struct match *self, const struct rect *rect)
{
	struct rect tiles = tiles_of(rect);

	for (int row = tiles.top; row < tiles.bottom; row++) {
		for (int column = tiles.left; column < tiles.right; column++) {
			struct part *part = captured_at(self->captured, column, row);

			part->taken |= part_rows(part, rect->top, rect->bottom);
		}
	}
}

/* Does none of the others overlap where this one goes to, or come from there? */
static bool may_go(
	const struct match *self, const struct rect *to, const struct rect *others, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct rect from = rect_shifted(&others[i], -self->dx, -self->dy);
		struct rect read = rect_intersect(to, &from);
		struct rect written = rect_intersect(to, &others[i]);

		if (!rect_is_empty(&read) || !rect_is_empty(&written))
			return false;
	}
	return true;
}

/* So that none reads what was written before. Those that stand in each other's way are left
 * out. */
static unsigned put_in_order(
	const struct match *self, struct rect *rects, unsigned n, struct scene_move *ret)
{
	unsigned n_moves = 0;

	for (unsigned i = 0; i < n;) {
		struct rect to = rects[i];

		rects[i] = rects[n - 1];
		if (!may_go(self, &to, rects, n - 1)) {
			rects[i++] = to;
			continue;
		}
		ret[n_moves++] = (struct scene_move){ to, self->dx, self->dy };
		n--;
		i = 0;
	}
	return n_moves;
}

unsigned match_find(struct match *self, const struct rect *area, int dx, int dy, bool doubtful,
	struct scene_move ret[MATCH_MAX])
{
	struct rect screen = { 0, 0, (int)self->scene->width, (int)self->scene->height };
	struct rect sources = rect_shifted(&screen, dx, dy), rects[MATCH_MAX];
	unsigned n = 0;

	self->area = rect_intersect(area, &screen);
	self->area = rect_intersect(&self->area, &sources);
	self->dx = dx;
	self->dy = dy;
	if (rect_is_empty(&self->area) || !is_worth_it(self) || !compare_all(self, doubtful))
		return 0;
	while (n < MATCH_MAX && find_rect(self, &rects[n]))
		take(self, &rects[n++]);
	return put_in_order(self, rects, n, ret);
}
