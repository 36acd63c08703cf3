/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/host-exit.h"

#include "base/mem.h"
#include "unit/test.h"

/* EXIT-1, HOST-8 */
static const struct {
	int status;
	const char *text, *reason;
	bool deleted;
} hopeless[] = {
	{ 100, "Host configuration is invalid", "INVALID_HOST_CONFIGURATION", false },
	{ 101, "Host ID has been deleted", "INVALID_HOST_ID", true },
	{ 102, "OAuth credentials are invalid", "INVALID_OAUTH_CREDENTIALS", false },
	{ 103, "Host domain is blocked by policy", "INVALID_HOST_DOMAIN", false },
	{ 105, "Username is blocked by policy", "USERNAME_MISMATCH", false },
	{ 106, "Host has been deleted", "HOST_DELETED", true },
	{ 107, "Remote access is disallowed by policy", "REMOTE_ACCESS_DISALLOWED", false },
	{ 108, "This CPU is not supported", "CPU_NOT_SUPPORTED", false },
};

static void test_what_starting_again_cannot_mend_has_words_and_a_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hopeless); i++) {
		assert_string_equal(host_exit_text(hopeless[i].status), hopeless[i].text);
		assert_string_equal(host_exit_reason(hopeless[i].status), hopeless[i].reason);
		assert_int_equal(host_exit_means_deleted(hopeless[i].status), hopeless[i].deleted);
	}
}

/* EXIT-1: 104 is one of them. */
static void test_every_other_status_is_an_end_like_any(void **state)
{
	(void)state;
	for (int status = 0; status < 256; status++) {
		bool is_hopeless = false;

		for (size_t i = 0; i < ARRAY_SIZE(hopeless); i++)
			is_hopeless |= hopeless[i].status == status;
		if (is_hopeless)
			continue;
		assert_null(host_exit_text(status));
		assert_null(host_exit_reason(status));
		assert_false(host_exit_means_deleted(status));
	}
	assert_null(host_exit_text(-1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_starting_again_cannot_mend_has_words_and_a_reason),
		cmocka_unit_test(test_every_other_status_is_an_end_like_any),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
