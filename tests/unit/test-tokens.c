/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/tokens.h"

#include <string.h>

#include "unit/test.h"

/* A hash of 64 times this digit. */
static const char *hash_of(char digit)
{
	static char hash[CONTROL_HASH_SIZE];

	memset(hash, digit, CONTROL_HASH_SIZE - 1);
	return hash;
}

static void test_a_link_works_once_and_for_an_hour(void **state)
{
	(void)state;
	static struct tokens tokens;

	tokens_revoke_all(&tokens);
	tokens_add_link(&tokens, hash_of('a'), 5);
	assert_false(tokens_use_link(&tokens, hash_of('b'), 6));
	assert_true(tokens_use_link(&tokens, hash_of('a'), 6));
	assert_false(tokens_use_link(&tokens, hash_of('a'), 7));
	tokens_add_link(&tokens, hash_of('c'), 5);
	assert_false(tokens_use_link(&tokens, hash_of('c'), 5 + TOKENS_LINK_USEC));
}

static void test_a_resume_token_works_for_twelve_hours_until_revoked(void **state)
{
	(void)state;
	static struct tokens tokens;

	tokens_revoke_all(&tokens);
	tokens_add_resume(&tokens, hash_of('a'), 5);
	assert_true(tokens_check_resume(&tokens, hash_of('a'), 6));
	assert_true(tokens_check_resume(&tokens, hash_of('a'), 4 + TOKENS_RESUME_USEC));
	assert_false(tokens_check_resume(&tokens, hash_of('a'), 5 + TOKENS_RESUME_USEC));
	assert_false(tokens_use_link(&tokens, hash_of('a'), 6));
	tokens_revoke_all(&tokens);
	assert_false(tokens_check_resume(&tokens, hash_of('a'), 6));
}

static void test_what_is_no_hash_is_never_valid(void **state)
{
	(void)state;
	static struct tokens tokens;

	tokens_revoke_all(&tokens);
	tokens_add_resume(&tokens, "", 5);
	tokens_add_resume(&tokens, "abc", 5);
	assert_false(tokens_check_resume(&tokens, "", 6));
	assert_false(tokens_check_resume(&tokens, "abc", 6));
}

static void test_the_oldest_makes_room(void **state)
{
	(void)state;
	static struct tokens tokens;

	tokens_revoke_all(&tokens);
	for (int i = 0; i <= TOKENS_N_LINKS; i++)
		tokens_add_link(&tokens, hash_of((char)('A' + i)), (usec_t)i + 1);
	assert_false(tokens_use_link(&tokens, hash_of('A'), 100));
	for (int i = 1; i <= TOKENS_N_LINKS; i++)
		assert_true(tokens_use_link(&tokens, hash_of((char)('A' + i)), 100));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_link_works_once_and_for_an_hour),
		cmocka_unit_test(test_a_resume_token_works_for_twelve_hours_until_revoked),
		cmocka_unit_test(test_what_is_no_hash_is_never_valid),
		cmocka_unit_test(test_the_oldest_makes_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
