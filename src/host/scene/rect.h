/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* Rectangles of screen pixels: left and top included, right and bottom not. */

#include <stdbool.h>

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
