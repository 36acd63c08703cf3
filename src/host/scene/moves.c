/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/scene/moves.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "host/scene/lines.h"
#include "host/scene/match.h"

#define TILE REGION_TILE_PX

/* Pixels that change at least, or nothing is looked for: finding it would cost more than it
 * saves. */
#define CHANGED_MIN 8192
/* Vectors that one batch may bring. */
#define ROUNDS_MAX 4
/* And in this share of where a hint says that something is: what a window uncovers is less. */
#define HINT_SHARE 16
/* Columns, or rows, of tiles that are asked; after how many silence is an answer; votes that
 * do. */
#define SAMPLES 8
#define FIRST_SAMPLES 3
#define VOTES_MIN 8
#define VOTES_ENOUGH 64
#define CANDIDATES 2
/* After so many batches without a move, one in VAIN_PERIOD is searched. */
#define VAIN_MAX 8
#define VAIN_PERIOD 4
/* Rows of a tile by which its columns are known: a line of text, at least. */
#define COLUMN_ROWS 24
/* Rows that are fetched before they are needed. */
#define AHEAD 8

void moves_init(struct moves *self, struct scene *scene)
{
	*self = (struct moves){ .scene = scene };
	captured_init(&self->captured);
}

static void forget_size(struct moves *self)
{
	votes_finish(&self->votes);
	free(TAKE_PTR(self->scores));
	free(TAKE_PTR(self->weights));
}

void moves_finish(struct moves *self)
{
	captured_finish(&self->captured);
	forget_size(self);
}

void moves_drop(struct moves *self)
{
	captured_clear(&self->captured);
	self->scene->is_settling = false;
	self->stage = MOVES_DONE;
}

void moves_handle_resize(struct moves *self)
{
	unsigned width = self->scene->width, height = self->scene->height;
	unsigned longest = width > height ? width : height;

	moves_drop(self);
	forget_size(self);
	if (captured_resize(&self->captured, width, height) < 0 || longest == 0)
		return;
	self->scores = mem_alloc(height, sizeof(*self->scores));
	self->weights = mem_alloc(longest / TILE + 1, sizeof(*self->weights));
	if (!self->scores || !self->weights || votes_init(&self->votes, longest) < 0)
		forget_size(self);
}

/* --- one vector --- */

/* Compares again what was written to, unless it is known to be right now. */
static void refresh(
	struct moves *self, struct part *part, const struct scene_move *moves, unsigned n)
{
	uint64_t rows = part_rows(part, part->at.top, part->at.bottom);

	for (unsigned i = 0; i < n; i++) {
		struct rect both = rect_intersect(&part->at, &moves[i].to);

		if (rect_is_empty(&both))
			continue;
		if (rect_contains(&moves[i].to, &part->at) && part->moved == rows)
			part->changed = 0;
		else
			part_compare(part, 1, self->scene);
	}
}

static bool try_vector(
	struct moves *self, const struct rect *area, int dx, int dy, bool doubtful)
{
	struct captured *captured = &self->captured;
	struct match match = {
		.captured = captured, .scene = self->scene, .scores = self->scores
	};
	struct scene_move moves[MATCH_MAX];
	unsigned n = match_find(&match, area, dx, dy, doubtful, moves);

	for (unsigned i = 0; i < n; i++)
		scene_move(self->scene, &moves[i]);
	for (size_t i = 0; i < captured->n_parts && n > 0; i++)
		refresh(self, &captured->parts[i], moves, n);
	return n > 0;
}

static bool try_hint(struct moves *self, const struct hint *hint)
{
	const struct scene *scene = self->scene;
	struct rect screen = { 0, 0, (int)scene->width, (int)scene->height };
	struct rect from = rect_intersect(&hint->from, &screen), to;

	if (rect_is_empty(&from) || (hint->dx == 0 && hint->dy == 0)
		|| hint->dx <= -screen.right || hint->dx >= screen.right
		|| hint->dy <= -screen.bottom || hint->dy >= screen.bottom)
		return false;
	to = rect_shifted(&from, hint->dx, hint->dy);
	if (captured_changed_in(&self->captured, &to) < rect_area(&to) / HINT_SHARE)
		return false;
	return try_vector(self, &to, hint->dx, hint->dy, true);
}

/* --- votes --- */

/* Rows of one column lie too far apart in memory for the processor to see what comes next. */
static inline void fetch(const uint32_t *row, size_t width)
{
	for (size_t i = 0; i < width; i += 16)
		__builtin_prefetch(row + i);
}

static void ask_column(struct moves *self, int column)
{
	for (int row = 0; row < self->captured.rows; row++) {
		const struct part *part = captured_at(&self->captured, column, row);
		size_t width = part ? (size_t)rect_width(&part->at) : 0;

		for (uint64_t rows = part ? part->changed : 0; rows; rows &= rows - 1) {
			int i = __builtin_ctzll(rows), y = part->at.top + i;

			fetch(part->pixels + (size_t)(i + AHEAD) * part->stride, width);
			fetch(scene_at(self->scene, part->at.left, y + AHEAD), width);
			votes_add(&self->votes, y,
				lines_hash_row(scene_at(self->scene, part->at.left, y), width),
				lines_hash_row(part->pixels + (size_t)i * part->stride, width));
		}
	}
	votes_count(&self->votes);
}

static void ask_row(struct moves *self, int row)
{
	uint32_t old[TILE], new[TILE];

	for (int column = 0; column < self->captured.columns; column++) {
		const struct part *part = captured_at(&self->captured, column, row);
		int height;

		if (!part || !part->changed)
			continue;
		height = rect_height(&part->at) < COLUMN_ROWS ? rect_height(&part->at)
							      : COLUMN_ROWS;
		lines_hash_columns(scene_at(self->scene, part->at.left, part->at.top),
			self->scene->width, rect_width(&part->at), height, old);
		lines_hash_columns(
			part->pixels, part->stride, rect_width(&part->at), height, new);
		for (int x = part->left; x < part->right; x++)
			votes_add(&self->votes, part->at.left + x, old[x], new[x]);
	}
	votes_count(&self->votes);
}

/* Rows and columns of tiles. */
struct axis {
	void (*ask)(struct moves *self, int line);
	int dx; /* the direction in which what is asked tells distances */
	int dy;
};

static const struct axis by_column = { ask_column, 0, 1 };
static const struct axis by_row = { ask_row, 1, 0 };

/* How much has changed in each row, or column, of tiles; returns how many there are. */
static int weigh(struct moves *self, const struct axis *axis)
{
	const struct captured *captured = &self->captured;
	int n = axis->dy ? captured->columns : captured->rows;

	memset(self->weights, 0, (size_t)n * sizeof(*self->weights));
	for (size_t i = 0; i < captured->n_parts; i++) {
		struct rect box = part_box(&captured->parts[i]);

		if (rect_is_empty(&box))
			continue;
		if (axis->dy)
			self->weights[box.left / TILE] += rect_height(&box);
		else
			self->weights[box.top / TILE] += rect_width(&box);
	}
	return n;
}

/* Evenly among those that have changed most. */
static unsigned pick(const struct moves *self, int n, int ret[SAMPLES])
{
	int heaviest = 1, n_heavy = 0, seen = 0;
	unsigned n_picked = 0;

	for (int i = 0; i < n; i++)
		heaviest = self->weights[i] > heaviest ? self->weights[i] : heaviest;
	for (int i = 0; i < n; i++)
		n_heavy += 2 * self->weights[i] >= heaviest;
	for (int i = 0; i < n && n_picked < SAMPLES; i++) {
		if (2 * self->weights[i] < heaviest)
			continue;
		if (seen * SAMPLES >= (int)n_picked * n_heavy)
			ret[n_picked++] = i;
		seen++;
	}
	return n_picked;
}

static bool try_votes(struct moves *self, const struct rect *area, const struct axis *axis)
{
	int lines[SAMPLES], distance;
	unsigned n = pick(self, weigh(self, axis), lines);

	votes_clear(&self->votes);
	for (unsigned i = 0; i < n; i++) {
		unsigned n_votes;

		axis->ask(self,
			lines[n == SAMPLES ? i * 3 % n : i]); /* the first few far apart */
		n_votes = votes_best(&self->votes, &distance);
		if (n_votes >= VOTES_ENOUGH)
			break;
		if (i + 1 == FIRST_SAMPLES && n_votes < VOTES_MIN / 2
			&& votes_unclear(&self->votes) < VOTES_MIN)
			return false;
	}
	for (unsigned i = 0; i < CANDIDATES; i++) {
		if (votes_best(&self->votes, &distance) < VOTES_MIN)
			return false;
		if (try_vector(self, area, axis->dx * distance, axis->dy * distance, false))
			return true;
		votes_strike(&self->votes, distance);
	}
	return false;
}

/* --- a batch --- */

static bool try_hints(struct moves *self)
{
	while (self->next_hint < self->batch.n_hints) {
		if (try_hint(self, &self->batch.hints[self->next_hint++]))
			return true;
	}
	return false;
}

/* While it seems to be a video, that is only tried now and then. */
static bool may_search(const struct moves *self)
{
	return self->n_vain < VAIN_MAX || self->n_vain % VAIN_PERIOD == 0;
}

static bool search(struct moves *self, const struct rect *area)
{
	return try_votes(self, area, &by_column) || try_votes(self, area, &by_row);
}

static size_t area_of(const struct captured *captured)
{
	size_t area = 0;

	for (size_t i = 0; i < captured->n_parts; i++)
		area += rect_area(&captured->parts[i].at);
	return area;
}

/* Without memory all is compared and taken at once. */
static size_t compare(struct moves *self, size_t max_px)
{
	ssize_t n = captured_fill(&self->captured, self->scene, &self->rest, max_px);
	struct rect area;

	if (n < 0) {
		for (size_t i = 0; i < self->batch.n_patches; i++) {
			const struct patch *patch = &self->batch.patches[i];

			self->changed |= scene_update(
				self->scene, &patch->at, patch->pixels, patch->stride);
		}
		self->stage = MOVES_DONE;
		return 0;
	}
	if (self->rest.n > 0)
		return (size_t)n;
	self->changed = captured_changed(&self->captured, &area) > 0;
	self->scene->is_settling = self->changed;
	if (!self->changed)
		self->stage = MOVES_DONE;
	else if (self->scores && !list_empty(&self->scene->views))
		self->stage = MOVES_FINDING;
	else
		self->stage = MOVES_TAKING;
	return (size_t)n;
}

static bool find_one(struct moves *self, const struct rect *area)
{
	return try_hints(self) || (may_search(self) && search(self, area));
}

/* What a vector costs goes by the size of what was captured. */
static size_t find(struct moves *self)
{
	struct rect area;
	bool large = captured_changed(&self->captured, &area) >= CHANGED_MIN;

	if (large && self->n_rounds < ROUNDS_MAX && find_one(self, &area)) {
		self->n_rounds++;
		return area_of(&self->captured);
	}
	if (self->n_rounds > 0)
		self->n_vain = 0;
	else if (large)
		self->n_vain++;
	self->stage = MOVES_TAKING;
	return large ? area_of(&self->captured) : 0;
}

static size_t take(struct moves *self, size_t max_px)
{
	const struct captured *captured = &self->captured;
	size_t first = self->next_part, px = 0;

	while (self->next_part < captured->n_parts && px < max_px)
		px += rect_area(&captured->parts[self->next_part++].at);
	scene_take(self->scene, captured->parts + first, self->next_part - first);
	if (self->next_part == captured->n_parts)
		self->stage = MOVES_DONE;
	return px;
}

static size_t step(struct moves *self, size_t max_px)
{
	switch (self->stage) {
	case MOVES_COMPARING:
		return compare(self, max_px);
	case MOVES_FINDING:
		return find(self);
	case MOVES_TAKING:
		return take(self, max_px);
	default:
		return 0;
	}
}

void moves_start(struct moves *self, const struct moves_batch *batch)
{
	assert(self->stage == MOVES_DONE);
	self->stage = MOVES_COMPARING;
	self->batch = *batch;
	self->rest = (struct captured_rest){ .patches = batch->patches, .n = batch->n_patches };
	self->next_hint = 0;
	self->n_rounds = 0;
	self->next_part = 0;
	self->changed = false;
}

bool moves_go_on(struct moves *self, size_t max_px, bool *ret_changed)
{
	size_t px = 0;

	while (self->stage != MOVES_DONE && px < max_px)
		px += step(self, max_px - px);
	if (self->stage != MOVES_DONE)
		return false;
	moves_drop(self);
	*ret_changed = self->changed;
	return true;
}

bool moves_update(struct moves *self, const struct moves_batch *batch)
{
	bool changed;

	moves_start(self, batch);
	moves_go_on(self, SIZE_MAX, &changed);
	return changed;
}
