/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The hashes of the tokens that let a browser in: one-time links and resume
 * tokens. They live here so that a host that died signs nobody out. Pure:
 * times are passed in. A hash is SHA-256 in hex; the token itself is never
 * kept.
 */

#include <stdbool.h>

#include "base/clock.h"
#include "wire/control.h"

#define TOKENS_LINK_USEC (3600 * USEC_PER_SEC)
#define TOKENS_RESUME_USEC (12 * 3600 * USEC_PER_SEC)
#define TOKENS_N_LINKS 16
#define TOKENS_N_RESUMES 64

struct token_entry {
	char hash[CONTROL_HASH_SIZE]; /* "": free */
	usec_t until;		      /* CLOCK_MONOTONIC */
};

struct tokens {
	struct token_entry links[TOKENS_N_LINKS];
	struct token_entry resumes[TOKENS_N_RESUMES];
};

/* When there is no room the oldest goes. A hash that is no hash is ignored. */
void tokens_add_link(struct tokens *self, const char *hash, usec_t now);
void tokens_add_resume(struct tokens *self, const char *hash, usec_t now);

/* Valid now? A link is used up by asking. Takes the same time for every wrong hash. */
bool tokens_use_link(struct tokens *self, const char *hash, usec_t now);
bool tokens_check_resume(const struct tokens *self, const char *hash, usec_t now);

/* A new PIN: nobody who came in by the old one stays. */
void tokens_revoke_all(struct tokens *self);
