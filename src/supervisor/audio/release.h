/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Versions of programs, as `pipewire --version` prints them, ordered as PEP 440 has it: the
 * contract compares by these rules (AUDIO-5). Local parts, after a '+', are read and ignored.
 */

#include <stdbool.h>

#define RELEASE_PARTS 8

enum release_stage {
	RELEASE_DEV, /* 1.0.dev3 */
	RELEASE_ALPHA,
	RELEASE_BETA,
	RELEASE_CANDIDATE,
	RELEASE_FINAL,
	RELEASE_POST,
};

struct release {
	unsigned epoch;
	unsigned parts[RELEASE_PARTS]; /* 0.3.65: zeroes behind */
	enum release_stage stage;
	unsigned stage_number;
	bool is_dev; /* of an alpha, a beta, a candidate or a post-release */
	unsigned dev_number;
};

/* Returns 0 or -EINVAL. */
int release_parse(const char *text, struct release *ret);

/* <0, 0 or >0. */
int release_compare(const struct release *a, const struct release *b);

/**
 * release_find() - the first line that ends with "@program VERSION", anything before it
 *
 * Returns 0, -ENOENT (there is no such line), -EINVAL (what stands there is no version) or
 * -ENOMEM.
 */
int release_find(const char *text, const char *program, struct release *ret);
