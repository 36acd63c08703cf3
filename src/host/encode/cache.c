/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/cache.h"

#include <errno.h>
#include <string.h>

/* All of it in our own code: no library to load for one function. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/mem.h"
#include "wire/stream.h"

#define TILE REGION_TILE_PX
#define COLOUR 0x00ffffffU
#define SLOTS STREAM_SLOTS
#define NONE UINT16_MAX
#define BUCKETS 4096

_Static_assert(REGION_TILE_PX == STREAM_RECT_PX, "one grid");
_Static_assert(SLOTS < NONE, "slots have numbers of 16 bits");

static bool hash_equal(const struct cache_hash *a, const struct cache_hash *b)
{
	return a->low == b->low && a->high == b->high;
}

static struct rect tile_rect(const struct scene *scene, unsigned column, unsigned row)
{
	struct rect screen = { 0, 0, (int)scene->width, (int)scene->height };
	struct rect tile = rect_sized((int)column * TILE, (int)row * TILE, TILE, TILE);

	return rect_intersect(&tile, &screen);
}

/* Returns whether the tile has one colour. */
static bool hash_tile(const struct cache *self, const struct scene *scene,
	const struct rect *tile, struct cache_hash *ret)
{
	uint32_t pixels[TILE * TILE];
	size_t width = (size_t)rect_width(tile), height = (size_t)rect_height(tile);
	const uint32_t *row = scene_at(scene, tile->left, tile->top);
	uint32_t first = row[0] & COLOUR, differences = 0;
	XXH128_hash_t hash;

	/* The top byte is whatever the X server left there. */
	for (size_t y = 0; y < height; y++, row += scene->width) {
		for (size_t x = 0; x < width; x++) {
			pixels[y * width + x] = row[x] & COLOUR;
			differences |= pixels[y * width + x] ^ first;
		}
	}
	hash = XXH3_128bits_withSeed(pixels, width * height * sizeof(*pixels), self->seed);
	*ret = (struct cache_hash){ hash.low64, hash.high64 };
	return differences == 0;
}

/* --- slots --- */

static uint16_t *bucket_of(const struct cache *self, const struct cache_hash *hash)
{
	return &self->buckets[hash->low % BUCKETS];
}

static int find(const struct cache *self, const struct cache_hash *hash, const struct rect *tile)
{
	uint16_t i = *bucket_of(self, hash);

	for (; i != NONE; i = self->slots[i].next_in_bucket) {
		const struct cache_slot *slot = &self->slots[i];

		if (hash_equal(&slot->hash, hash) && slot->width == rect_width(tile)
			&& slot->height == rect_height(tile))
			return i;
	}
	return -1;
}

static void leave_order(struct cache *self, const struct cache_slot *slot)
{
	if (slot->newer == NONE)
		self->newest = slot->older;
	else
		self->slots[slot->newer].older = slot->older;
	if (slot->older == NONE)
		self->oldest = slot->newer;
	else
		self->slots[slot->older].newer = slot->newer;
}

static void use(struct cache *self, int number)
{
	struct cache_slot *slot = &self->slots[number];

	if (self->newest == number)
		return;
	leave_order(self, slot);
	slot->newer = NONE;
	slot->older = self->newest;
	self->slots[self->newest].newer = (uint16_t)number;
	self->newest = (uint16_t)number;
}

static void leave_bucket(struct cache *self, int number)
{
	uint16_t *at = bucket_of(self, &self->slots[number].hash);

	while (*at != number)
		at = &self->slots[*at].next_in_bucket;
	*at = self->slots[number].next_in_bucket;
}

/* In the place of what was of use longest ago. */
static int insert(struct cache *self, const struct cache_hash *hash, const struct rect *tile)
{
	int number = self->oldest;
	struct cache_slot *slot = &self->slots[number];
	uint16_t *bucket = bucket_of(self, hash);

	if (slot->width)
		leave_bucket(self, number);
	slot->hash = *hash;
	slot->width = (uint8_t)rect_width(tile);
	slot->height = (uint8_t)rect_height(tile);
	slot->next_in_bucket = *bucket;
	*bucket = (uint16_t)number;
	use(self, number);
	return number;
}

static void empty_slots(struct cache *self)
{
	memset(self->buckets, 0xff, BUCKETS * sizeof(*self->buckets));
	for (unsigned i = 0; i < SLOTS; i++)
		self->slots[i] = (struct cache_slot){
			.newer = i + 1 < SLOTS ? (uint16_t)(i + 1) : NONE,
			.older = i > 0 ? (uint16_t)(i - 1) : NONE,
		};
	self->newest = SLOTS - 1;
	self->oldest = 0;
}

/* --- tiles --- */

static int maybe_store(struct cache *self, const struct cache_tile *was, const struct rect *tile,
	const struct rect *box, usec_t now)
{
	int number;

	if (!was->is_known || was->is_solid)
		return -1;
	number = find(self, &was->hash, tile);
	if (number >= 0) {
		use(self, number);
		return -1;
	}
	if (rect_width(box) * rect_height(box) < CACHE_STORE_PX
		|| now - was->since < CACHE_STOOD_USEC)
		return -1;
	return insert(self, &was->hash, tile);
}

void cache_plan(struct cache *self, const struct scene *scene, const struct rect *box, usec_t now,
	struct cache_plan *ret)
{
	unsigned column = (unsigned)box->left / TILE, row = (unsigned)box->top / TILE;
	struct cache_tile is = { .since = now, .is_known = true }, *was;
	struct rect tile = tile_rect(scene, column, row);

	*ret = (struct cache_plan){ .store = -1, .cached = -1 };
	if (column >= self->columns || row >= self->rows)
		return;
	was = &self->tiles[(size_t)row * self->columns + column];
	is.is_solid = hash_tile(self, scene, &tile, &is.hash);
	if (was->is_known && hash_equal(&was->hash, &is.hash)) {
		ret->is_same = true;
		return;
	}
	if (!is.is_solid)
		ret->cached = find(self, &is.hash, &tile);
	if (ret->cached >= 0)
		use(self, ret->cached); /* so that it is not what is overwritten now */
	ret->store = maybe_store(self, was, &tile, box, now);
	self->n_unknown -= !was->is_known;
	*was = is;
}

void cache_forget_rect(struct cache *self, const struct rect *rect)
{
	const struct rect screen = { 0, 0, (int)self->columns * TILE, (int)self->rows * TILE };
	struct rect r = rect_intersect(rect, &screen);

	if (rect_is_empty(&r))
		return;
	for (int row = r.top / TILE; row <= (r.bottom - 1) / TILE; row++) {
		for (int column = r.left / TILE; column <= (r.right - 1) / TILE; column++) {
			struct cache_tile *tile =
				&self->tiles[(size_t)row * self->columns + (size_t)column];

			self->n_unknown += tile->is_known;
			tile->is_known = false;
		}
	}
}

static void look(struct cache *self, const struct scene *scene, size_t number, usec_t now)
{
	struct cache_tile *is = &self->tiles[number];
	struct rect tile = tile_rect(
		scene, (unsigned)(number % self->columns), (unsigned)(number / self->columns));

	is->is_solid = hash_tile(self, scene, &tile, &is->hash);
	is->since = now - CACHE_STOOD_USEC;
	is->is_known = true;
	self->n_unknown--;
}

bool cache_look(struct cache *self, const struct scene *scene, usec_t now)
{
	size_t n = (size_t)self->columns * self->rows;

	for (unsigned i = 0; i < CACHE_LOOK_MAX && self->n_unknown > 0;) {
		size_t number = self->look_at;

		self->look_at = (number + 1) % n;
		if (self->tiles[number].is_known)
			continue;
		look(self, scene, number, now);
		i++;
	}
	return self->n_unknown > 0;
}

void cache_forget(struct cache *self)
{
	const struct rect all = { 0, 0, (int)self->columns * TILE, (int)self->rows * TILE };

	cache_forget_rect(self, &all);
	empty_slots(self);
}

/* --- life --- */

int cache_resize(struct cache *self, unsigned width, unsigned height)
{
	unsigned columns = (width + TILE - 1) / TILE, rows = (height + TILE - 1) / TILE;

	free(TAKE_PTR(self->tiles));
	self->columns = 0;
	self->rows = 0;
	self->n_unknown = 0;
	self->look_at = 0;
	empty_slots(self);
	if (columns == 0 || rows == 0)
		return 0;
	self->tiles = mem_alloc((size_t)columns * rows, sizeof(*self->tiles));
	if (!self->tiles)
		return -ENOMEM;
	self->columns = columns;
	self->rows = rows;
	self->n_unknown = (size_t)columns * rows;
	return 0;
}

int cache_init(struct cache *self, uint64_t seed)
{
	*self = (struct cache){
		.seed = seed,
		.slots = mem_alloc(SLOTS, sizeof(*self->slots)),
		.buckets = mem_alloc(BUCKETS, sizeof(*self->buckets)),
	};
	if (!self->slots || !self->buckets) {
		cache_finish(self);
		return -ENOMEM;
	}
	empty_slots(self);
	return 0;
}

void cache_finish(struct cache *self)
{
	free(self->tiles);
	free(self->slots);
	free(self->buckets);
	*self = (struct cache){ 0 };
}
