/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* Random numbers that are the same in every run: a failure can be repeated. */

#include <stdint.h>

struct random {
	uint64_t state; /* the seed, at first */
};

/* splitmix64 */
static inline uint64_t random_u64(struct random *self)
{
	uint64_t z = (self->state += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* 0 … @n - 1 */
static inline int random_below(struct random *self, int n)
{
	return (int)(random_u64(self) % (uint64_t)n);
}
