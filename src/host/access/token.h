/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Link and resume tokens: 128 random bits, written in base64url. Whoever
 * shows one comes in, so only its SHA-256 is kept anywhere.
 */

#include "wire/control.h"

void token_make(char token[CONTROL_TOKEN_SIZE]);

/* @text: what was shown, a token or not. */
void token_hash(const char *text, char hash[CONTROL_HASH_SIZE]);
