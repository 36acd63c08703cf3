/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* Rectangles of screen pixels: left and top included, right and bottom not. */

#include <stdbool.h>
#include <stddef.h>

struct rect {
	int left;
	int top;
	int right;
	int bottom;
};

static inline struct rect rect_sized(int x, int y, int width, int height)
{
	return (struct rect){ x, y, x + width, y + height };
}

static inline bool rect_is_empty(const struct rect *self)
{
	return self->left >= self->right || self->top >= self->bottom;
}

static inline int rect_width(const struct rect *self)
{
	return self->right - self->left;
}

static inline int rect_height(const struct rect *self)
{
	return self->bottom - self->top;
}

static inline size_t rect_area(const struct rect *self)
{
	return (size_t)rect_width(self) * (size_t)rect_height(self);
}

static inline bool rect_contains(const struct rect *outer, const struct rect *inner)
{
	return inner->left >= outer->left && inner->right <= outer->right
	       && inner->top >= outer->top && inner->bottom <= outer->bottom;
}

static inline struct rect rect_shifted(const struct rect *self, int dx, int dy)
{
	return (struct rect){ self->left + dx, self->top + dy, self->right + dx,
		self->bottom + dy };
}

/* The part that lies in both; empty when there is none. */
static inline struct rect rect_intersect(const struct rect *a, const struct rect *b)
{
	return (struct rect){
		a->left > b->left ? a->left : b->left,
		a->top > b->top ? a->top : b->top,
		a->right < b->right ? a->right : b->right,
		a->bottom < b->bottom ? a->bottom : b->bottom,
	};
}

/* The smallest that holds both, neither of them empty. */
static inline struct rect rect_unite(const struct rect *a, const struct rect *b)
{
	return (struct rect){
		a->left < b->left ? a->left : b->left,
		a->top < b->top ? a->top : b->top,
		a->right > b->right ? a->right : b->right,
		a->bottom > b->bottom ? a->bottom : b->bottom,
	};
}

#define RECT_REST_MAX 4

/* What is left of @a without @b: rectangles that do not overlap. Returns how many. */
static inline unsigned rect_subtract(
	const struct rect *a, const struct rect *b, struct rect ret[RECT_REST_MAX])
{
	struct rect both = rect_intersect(a, b);
	const struct rect around[RECT_REST_MAX] = {
		{ a->left, a->top, a->right, both.top },
		{ a->left, both.top, both.left, both.bottom },
		{ both.right, both.top, a->right, both.bottom },
		{ a->left, both.bottom, a->right, a->bottom },
	};
	unsigned n = 0;

	if (rect_is_empty(&both)) {
		ret[0] = *a;
		return !rect_is_empty(a);
	}
	for (unsigned i = 0; i < RECT_REST_MAX; i++) {
		if (!rect_is_empty(&around[i]))
			ret[n++] = around[i];
	}
	return n;
}
