/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/access/token.h"

#include <sodium.h>
#include <string.h>

#include "base/sys.h"

#define TOKEN_BYTES 16

_Static_assert(CONTROL_HASH_SIZE == 2 * crypto_hash_sha256_BYTES + 1, "a hash is SHA-256 in hex");

void token_make(char token[CONTROL_TOKEN_SIZE])
{
	uint8_t bytes[TOKEN_BYTES];

	sys_random(bytes, sizeof(bytes));
	sodium_bin2base64(token, CONTROL_TOKEN_SIZE, bytes, sizeof(bytes),
		sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	sodium_memzero(bytes, sizeof(bytes));
}

void token_hash(const char *text, char hash[CONTROL_HASH_SIZE])
{
	uint8_t digest[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(digest, (const uint8_t *)text, strlen(text));
	sodium_bin2hex(hash, CONTROL_HASH_SIZE, digest, sizeof(digest));
}
