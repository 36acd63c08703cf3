/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/tokens.h"

#include <stdint.h>
#include <string.h>

static void add(struct token_entry *entries, size_t n, const char *hash, usec_t until)
{
	struct token_entry *oldest = entries;

	if (strlen(hash) != CONTROL_HASH_SIZE - 1)
		return;
	for (size_t i = 0; i < n; i++) {
		if (entries[i].until < oldest->until)
			oldest = &entries[i];
	}
	memcpy(oldest->hash, hash, CONTROL_HASH_SIZE);
	oldest->until = until;
}

static bool equal(const char *a, const char *b)
{
	uint8_t difference = 0;

	for (size_t i = 0; i < CONTROL_HASH_SIZE - 1; i++)
		difference |= (uint8_t)(a[i] ^ b[i]);
	return difference == 0;
}

/* The entry of @hash, or NULL. Looks at all of them, whatever it finds. */
static const struct token_entry *find(
	const struct token_entry *entries, size_t n, const char *hash, usec_t now)
{
	const struct token_entry *found = NULL;

	if (strlen(hash) != CONTROL_HASH_SIZE - 1)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (equal(entries[i].hash, hash) && entries[i].until > now)
			found = &entries[i];
	}
	return found;
}

void tokens_add_link(struct tokens *self, const char *hash, usec_t now)
{
	add(self->links, TOKENS_N_LINKS, hash, now + TOKENS_LINK_USEC);
}

void tokens_add_resume(struct tokens *self, const char *hash, usec_t now)
{
	add(self->resumes, TOKENS_N_RESUMES, hash, now + TOKENS_RESUME_USEC);
}

bool tokens_use_link(struct tokens *self, const char *hash, usec_t now)
{
	const struct token_entry *found = find(self->links, TOKENS_N_LINKS, hash, now);

	if (!found)
		return false;
	self->links[found - self->links] = (struct token_entry){ 0 };
	return true;
}

bool tokens_check_resume(const struct tokens *self, const char *hash, usec_t now)
{
	return find(self->resumes, TOKENS_N_RESUMES, hash, now) != NULL;
}

void tokens_revoke_all(struct tokens *self)
{
	*self = (struct tokens){ 0 };
}
