/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * How far has something moved along one axis? Each line of pixels (of a row or a column) that
 * was there before, and once only, and now is elsewhere, votes for the distance between the
 * two. Blank lines are there many times and have no vote. It is a guess: lines are known by a
 * hash.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct votes_line {
	int at;            /* its place on the axis */
	uint32_t old, new; /* what is there, hashed */
};

struct votes_slot {
	uint32_t hash;
	int at; /* -1: none; -2: several */
};

struct votes {
	unsigned length;  /* of the axis */
	uint32_t *counts; /* of distances from -length to length */
	unsigned n_unclear; /* lines that cannot tell theirs */
	struct votes_line *lines;
	unsigned n_lines;
	struct votes_slot *slots; /* a power of two, at least twice the length */
};

/* @length: lines at most in one ballot. -ENOMEM; needs no finish then. */
int votes_init(struct votes *self, unsigned length);
void votes_finish(struct votes *self);

/* Nobody has voted. */
void votes_clear(struct votes *self);

/* A line votes in the next ballot. No more than the length. */
void votes_add(struct votes *self, int at, uint32_t old, uint32_t new);

/* Counts the lines that were added, and forgets them. */
void votes_count(struct votes *self);

/* The distance (new place less old) with the most votes; returns these, 0: there are none. */
unsigned votes_best(const struct votes *self, int *ret_distance);

/* Lines that are elsewhere now, but were in several places: more ballots may tell. */
unsigned votes_unclear(const struct votes *self);

/* It has turned out to be wrong. */
void votes_strike(struct votes *self, int distance);
