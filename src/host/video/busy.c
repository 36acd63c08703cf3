/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/video/busy.h"

#include <errno.h>

#include "base/mem.h"

#define TILE REGION_TILE_PX
#define UPDATE_USEC (100 * USEC_PER_MSEC) /* between two looks for regions */
#define CHANGES_MIN 6                     /* of a busy tile */
#define BOX_USEC USEC_PER_SEC
#define RECOUNT 16 /* changes of a tile after which its colours are counted again */
#define COMPONENTS_MAX 32

/* Changes that came without a pause. */
struct streak {
	usec_t since;
	usec_t last; /* 0: none yet */
	unsigned n;
};

struct busy_tile {
	struct streak all;
	struct streak busy;       /* of the large changes in many colours */
	struct region_box box;    /* where all were since the last turn of BOX_USEC, */
	struct region_box former; /* and in the one before */
	usec_t turned;
	bool rich;  /* of many colours, when last counted */
	bool found; /* is part of a component already */
};

/* Busy tiles side by side. */
struct component {
	struct rect rect;
	unsigned n_tiles;
};

int busy_init(struct busy *self, unsigned width, unsigned height,
	const struct busy_events *events, void *data)
{
	struct busy busy = {
		.width = width,
		.height = height,
		.columns = (width + TILE - 1) / TILE,
		.rows = (height + TILE - 1) / TILE,
		.events = events,
		.data = data,
	};

	if (width > 0 && height > 0) {
		busy.tiles = mem_alloc((size_t)busy.columns * busy.rows, sizeof(*busy.tiles));
		if (!busy.tiles)
			return -ENOMEM;
	}
	*self = busy;
	return 0;
}

void busy_finish(struct busy *self)
{
	free(self->tiles);
	self->tiles = NULL;
}

/* --- tiles --- */

#define GOLDEN 0x9e3779b1U /* of 2^32: its multiples lie evenly, and in step with no pattern   \
			    */

/* The nth of the pixels to look at. */
static size_t sample(uint32_t nth, size_t area)
{
	return area <= BUSY_SAMPLES ? nth : (uint64_t)(nth * GOLDEN) * area >> 32;
}

unsigned busy_count_colours(const struct rect *box, const uint32_t *pixels, size_t stride)
{
	uint32_t table[2 * BUSY_SAMPLES] = { 0 }; /* 0: free */
	size_t width = (size_t)rect_width(box), area = width * (size_t)rect_height(box);
	unsigned n = 0;

	for (uint32_t i = 0; i < BUSY_SAMPLES && i < area; i++) {
		size_t pixel = sample(i, area);
		uint32_t colour = pixels[pixel / width * stride + pixel % width] | 0xff000000;
		size_t at = (colour * GOLDEN >> 16) % ARRAY_SIZE(table);

		while (table[at] && table[at] != colour)
			at = (at + 1) % ARRAY_SIZE(table);
		n += table[at] == 0;
		table[at] = colour;
	}
	return n;
}

static struct busy_tile *tile_at(const struct busy *self, int x, int y)
{
	return &self->tiles[(size_t)(y / TILE) * self->columns + (size_t)(x / TILE)];
}

static struct rect screen_of(const struct busy *self)
{
	return (struct rect){ 0, 0, (int)self->width, (int)self->height };
}

static size_t area_of(const struct rect *rect)
{
	return (size_t)rect_width(rect) * (size_t)rect_height(rect);
}

static bool is_large(const struct busy *self, const struct rect *box)
{
	struct rect screen = screen_of(self);
	struct rect tile =
		rect_sized(box->left / TILE * TILE, box->top / TILE * TILE, TILE, TILE);

	tile = rect_intersect(&tile, &screen);
	return area_of(box) * 4 >= area_of(&tile);
}

bool busy_wants_colours(const struct busy *self, const struct rect *box)
{
	const struct busy_tile *tile = tile_at(self, box->left, box->top);

	return is_large(self, box) && (!tile->rich || tile->busy.n % RECOUNT == 0);
}

/* Returns whether it begins anew. */
static bool note(struct streak *streak, usec_t now)
{
	bool anew = streak->last == 0 || now - streak->last > BUSY_GAP_USEC;

	if (anew)
		*streak = (struct streak){ .since = now };
	streak->last = now;
	streak->n++;
	return anew;
}

static struct region_box box_in_tile(const struct rect *box)
{
	int left = box->left % TILE, top = box->top % TILE;

	return (struct region_box){ (uint8_t)left, (uint8_t)top,
		(uint8_t)(left + rect_width(box)), (uint8_t)(top + rect_height(box)) };
}

static struct region_box unite(const struct region_box *a, const struct region_box *b)
{
	if (!a->right || !b->right)
		return a->right ? *a : *b;
	return (struct region_box){
		a->left < b->left ? a->left : b->left,
		a->top < b->top ? a->top : b->top,
		a->right > b->right ? a->right : b->right,
		a->bottom > b->bottom ? a->bottom : b->bottom,
	};
}

static void note_box(struct busy_tile *tile, const struct rect *box, bool anew, usec_t now)
{
	struct region_box new = box_in_tile(box);

	if (anew) {
		tile->former = tile->box = new;
		tile->turned = now;
	} else if (now - tile->turned >= BOX_USEC) {
		tile->former = tile->box;
		tile->box = new;
		tile->turned = now;
	} else {
		tile->box = unite(&tile->box, &new);
	}
}

void busy_note(struct busy *self, const struct rect *box, unsigned n_colours, usec_t now)
{
	struct busy_tile *tile = tile_at(self, box->left, box->top);

	if (busy_wants_colours(self, box))
		tile->rich = n_colours >= (tile->rich ? BUSY_COLOURS_STAY : BUSY_COLOURS_ENTER);
	note_box(tile, box, note(&tile->all, now), now);
	if (!tile->rich || !is_large(self, box))
		return;
	note(&tile->busy, now);
	self->last = now;
}

static bool overlap(const struct rect *a, const struct rect *b)
{
	struct rect both = rect_intersect(a, b);

	return !rect_is_empty(&both);
}

static void forget_streaks(struct busy *self, const struct rect *rect)
{
	for (int y = rect->top / TILE; y <= (rect->bottom - 1) / TILE; y++) {
		for (int x = rect->left / TILE; x <= (rect->right - 1) / TILE; x++)
			*tile_at(self, x * TILE, y * TILE) = (struct busy_tile){ 0 };
	}
}

static void end_region(struct busy *self, unsigned nth)
{
	struct rect rect = self->regions[nth].rect;

	self->regions[nth] = (struct busy_region){ 0 };
	self->events->ended(self->data, nth, &rect);
}

void busy_note_move(struct busy *self, const struct rect *to, const struct rect *from)
{
	for (unsigned i = 0; i < BUSY_REGIONS_MAX; i++) {
		if (rect_contains(&self->regions[i].rect, to) &&
			rect_contains(&self->regions[i].rect, from))
			return;
	}
	forget_streaks(self, to);
	forget_streaks(self, from);
	for (unsigned i = 0; i < BUSY_REGIONS_MAX; i++) {
		const struct rect *region = &self->regions[i].rect;

		if (overlap(region, to) || overlap(region, from))
			end_region(self, i);
	}
}

/* --- components --- */

static bool is_long(const struct streak *streak, usec_t now)
{
	return streak->n >= CHANGES_MIN && streak->last - streak->since >= BUSY_ENTER_USEC &&
		now - streak->last <= BUSY_REST_USEC;
}

static struct rect box_of(const struct busy *self, const struct busy_tile *tile)
{
	size_t i = (size_t)(tile - self->tiles);
	int x = (int)(i % self->columns) * TILE, y = (int)(i / self->columns) * TILE;
	struct region_box box = unite(&tile->box, &tile->former);

	return (struct rect){ x + box.left, y + box.top, x + box.right, y + box.bottom };
}

/* The edge of the picture of a busy tile beside it: it reaches up to that one. */
static bool is_edge(const struct busy_tile *tile, usec_t now, int dx, int dy)
{
	struct region_box box = unite(&tile->box, &tile->former);

	return is_long(&tile->all, now) && (dx <= 0 || box.left == 0) &&
		(dx >= 0 || box.right == TILE) && (dy <= 0 || box.top == 0) &&
		(dy >= 0 || box.bottom == TILE);
}

/* Tiles whose neighbours are still to be looked at: a stack in an array of all tiles. */
struct search {
	struct busy *busy;
	usec_t now;
	uint32_t *stack;
	size_t n;
	struct component component;
};

static void take_tile(struct search *search, struct busy_tile *tile)
{
	struct rect box = box_of(search->busy, tile);
	struct component *component = &search->component;

	tile->found = true;
	component->rect = component->n_tiles == 0 ? box : rect_unite(&component->rect, &box);
	component->n_tiles++;
	search->stack[search->n++] = (uint32_t)(tile - search->busy->tiles);
}

static void look_beside(struct search *search, size_t at)
{
	struct busy *busy = search->busy;
	int column = (int)(at % busy->columns), row = (int)(at / busy->columns);

	for (int dy = -1; dy <= 1; dy++) {
		for (int dx = -1; dx <= 1; dx++) {
			int x = column + dx, y = row + dy;
			struct busy_tile *tile;

			if (x < 0 || y < 0 || x >= (int)busy->columns || y >= (int)busy->rows)
				continue;
			tile = tile_at(busy, x * TILE, y * TILE);
			if (tile->found)
				continue;
			if (is_long(&tile->busy, search->now)) {
				take_tile(search, tile);
			} else if ((dx == 0) != (dy == 0) &&
				is_edge(tile, search->now, dx, dy)) {
				struct rect box = box_of(busy, tile);

				search->component.rect =
					rect_unite(&search->component.rect, &box);
			}
		}
	}
}

/* Outwards to even pixels. */
static struct rect aligned(const struct busy *self, const struct rect *rect)
{
	struct rect screen = screen_of(self);
	struct rect even = { rect->left & ~1, rect->top & ~1, (rect->right + 1) & ~1,
		(rect->bottom + 1) & ~1 };

	return rect_intersect(&even, &screen);
}

static unsigned count_tiles(const struct rect *rect)
{
	int columns = (rect->right - 1) / TILE - rect->left / TILE + 1;
	int rows = (rect->bottom - 1) / TILE - rect->top / TILE + 1;

	return (unsigned)(columns * rows);
}

static void add_component(const struct busy *self, const struct component *component,
	struct component *all, unsigned *n)
{
	struct component sum = *component;

	sum.rect = aligned(self, &sum.rect);
	/* Rectangles must not lie over each other, even where their tiles do not touch. */
	for (unsigned i = 0; i < *n; i++) {
		if (!overlap(&sum.rect, &all[i].rect))
			continue;
		sum.rect = rect_unite(&sum.rect, &all[i].rect);
		sum.n_tiles += all[i].n_tiles;
		all[i] = all[--*n];
		i = UINT32_MAX; /* from the beginning: it has grown */
	}
	if (*n < COMPONENTS_MAX)
		all[(*n)++] = sum;
}

static int find_components(
	struct busy *self, usec_t now, struct component *ret, unsigned *ret_n)
{
	size_t n_tiles = (size_t)self->columns * self->rows;
	CLEANUP(free) uint32_t *stack = mem_alloc(n_tiles, sizeof(*stack));
	struct search search = { .busy = self, .now = now, .stack = stack };

	*ret_n = 0;
	if (!stack)
		return -ENOMEM;
	for (size_t i = 0; i < n_tiles; i++)
		self->tiles[i].found = false;
	for (size_t i = 0; i < n_tiles; i++) {
		if (self->tiles[i].found || !is_long(&self->tiles[i].busy, now))
			continue;
		search.component = (struct component){ 0 };
		take_tile(&search, &self->tiles[i]);
		while (search.n > 0)
			look_beside(&search, search.stack[--search.n]);
		add_component(self, &search.component, ret, ret_n);
	}
	return 0;
}

/* --- regions --- */

/* With less than half of its tiles it is a few busy things far from each other. */
static bool is_worthy(const struct component *component)
{
	return rect_width(&component->rect) >= BUSY_SIDE_MIN_PX &&
		rect_height(&component->rect) >= BUSY_SIDE_MIN_PX &&
		component->n_tiles * 2 >= count_tiles(&component->rect);
}

/* The sum of those that overlap the region; they are taken from the list. */
static struct component take_overlapping(
	const struct rect *region, struct component *components, unsigned *n)
{
	struct component sum = { 0 };

	for (unsigned i = 0; i < *n;) {
		const struct component *component = &components[i];

		if (!overlap(region, &component->rect)) {
			i++;
			continue;
		}
		sum.rect = sum.n_tiles == 0 ? component->rect
					    : rect_unite(&sum.rect, &component->rect);
		sum.n_tiles += component->n_tiles;
		components[i] = components[--*n];
	}
	return sum;
}

static void change_region(struct busy *self, unsigned nth, const struct rect *rect, usec_t now)
{
	struct busy_region *region = &self->regions[nth];
	struct rect before = region->rect;

	*region = (struct busy_region){ .rect = *rect, .placed = now };
	self->events->changed(self->data, nth, &before, rect);
}

/* Over another's place: that one ends, since there may be one picture of a pixel only. */
static void grow_region(struct busy *self, unsigned nth, const struct rect *rect, usec_t now)
{
	for (unsigned i = 0; i < BUSY_REGIONS_MAX; i++) {
		if (i != nth && overlap(&self->regions[i].rect, rect))
			end_region(self, i);
	}
	change_region(self, nth, rect, now);
}

static void update_region(
	struct busy *self, unsigned nth, struct component *components, unsigned *n, usec_t now)
{
	struct busy_region *region = &self->regions[nth];
	struct component wanted = take_overlapping(&region->rect, components, n);

	if (wanted.n_tiles * 8 < count_tiles(&region->rect)) {
		end_region(self, nth);
	} else if (!rect_contains(&region->rect, &wanted.rect)) {
		struct rect sum = rect_unite(&region->rect, &wanted.rect);

		if (now - region->placed >= BUSY_GROW_USEC)
			grow_region(self, nth, &sum, now);
	} else if (area_of(&wanted.rect) * 5 >= area_of(&region->rect) * 3) {
		region->wide = 0;
	} else if (region->wide == 0) {
		region->wide = now;
	} else if (now - region->wide >= BUSY_SHRINK_USEC) {
		change_region(self, nth, &wanted.rect, now);
	}
}

static void begin_region(struct busy *self, const struct component *component, usec_t now)
{
	for (unsigned i = 0; i < BUSY_REGIONS_MAX; i++) {
		if (!rect_is_empty(&self->regions[i].rect))
			continue;
		self->regions[i] =
			(struct busy_region){ .rect = component->rect, .placed = now };
		self->events->began(self->data, i, &component->rect);
		return;
	}
}

static bool has_region(const struct busy *self)
{
	for (unsigned i = 0; i < BUSY_REGIONS_MAX; i++) {
		if (!rect_is_empty(&self->regions[i].rect))
			return true;
	}
	return false;
}

static bool overlaps_region(const struct busy *self, const struct rect *rect)
{
	for (unsigned i = 0; i < BUSY_REGIONS_MAX; i++) {
		if (overlap(&self->regions[i].rect, rect))
			return true;
	}
	return false;
}

void busy_update(struct busy *self, usec_t now)
{
	struct component components[COMPONENTS_MAX];
	unsigned n;

	if (now < busy_next(self) &&
		(self->last <= self->updated || now - self->updated < UPDATE_USEC))
		return;
	self->updated = now;
	if (find_components(self, now, components, &n) < 0)
		return;
	for (unsigned i = 0; i < BUSY_REGIONS_MAX; i++) {
		if (!rect_is_empty(&self->regions[i].rect))
			update_region(self, i, components, &n, now);
	}
	for (unsigned i = 0; i < n; i++) {
		if (is_worthy(&components[i]) && !overlaps_region(self, &components[i].rect))
			begin_region(self, &components[i], now);
	}
}

/* All have come to rest then, unless one has before, which other changes will show. */
usec_t busy_next(const struct busy *self)
{
	return has_region(self) ? self->last + BUSY_REST_USEC + 1 : USEC_NEVER;
}
