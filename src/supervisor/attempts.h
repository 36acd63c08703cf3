/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * How often may somebody try a PIN? Pure arithmetic, one bucket a source and
 * one for all together: a burst, then a rate. An attempt is counted before it
 * is checked, and here rather than in the host, so that crashing the host
 * buys nothing. AUT-01: at most 10 checks in the first minute from one
 * source and 60 in the first hour; AUT-02: at most one a second from all
 * sources after a burst of 20.
 */

#include <stdbool.h>

#include "base/clock.h"

#define ATTEMPTS_N_SOURCES 256

/* Tokens are counted in microseconds of waiting: what is missing is the time to wait. */
struct attempts_bucket {
	usec_t credit;
	usec_t at; /* CLOCK_MONOTONIC */
};

struct attempts {
	struct attempts_bucket all;
	struct {
		char source[64];
		struct attempts_bucket bucket;
	} sources[ATTEMPTS_N_SOURCES]; /* the one that was used longest ago makes room */
};

void attempts_init(struct attempts *self, usec_t now);

/**
 * attempts_take() - count one attempt, if it is allowed
 * @ret_wait: on false: when the next one may be, from @now
 */
bool attempts_take(struct attempts *self, const char *source, usec_t now, usec_t *ret_wait);

/* The right PIN: this source starts anew. */
void attempts_forgive(struct attempts *self, const char *source, usec_t now);
