/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/contract/original.h"

#include "base/mem.h"
#include "base/str.h"
#include "unit/test.h"

#define SCRIPT "/opt/google/chrome-remote-desktop/chrome-remote-desktop"
#define CFG "/home/me/.config/chrome-remote-desktop/host#0.json"

static const struct {
	const char *argv[8];
	bool matches, is_child;
} cases[] = {
	{ { "python3", SCRIPT, "--config=" CFG, "--start", NULL }, true, false },
	{ { "/usr/bin/python3.11", SCRIPT, "--start", "--config", CFG, NULL }, true, false },
	{ { "python3", "/elsewhere/chrome-remote-desktop", "--start", "--config=" CFG, NULL }, true, false },
	{ { "python3", SCRIPT, "--child-process", "--config=" CFG, "--start", NULL }, true, true },
	/* INST-3: without --config only the same path counts. */
	{ { "python3", SCRIPT, "--start", NULL }, true, false },
	{ { "python3", "/elsewhere/chrome-remote-desktop", "--start", NULL }, false, false },
	{ { "python3", SCRIPT, "--start", "--config", NULL }, true, false },
	{ { "python3", SCRIPT, "--start", "--config=/other", NULL }, false, false },
	{ { "python3", SCRIPT, "--start", "--config=" CFG "/", NULL }, false, false },
	/* INST-2. */
	{ { "python3", SCRIPT, NULL }, false, false },
	{ { "python3", SCRIPT, "--start=1", NULL }, false, false },
	{ { "python3", SCRIPT, "--get-status", "--config=" CFG, NULL }, false, false },
	{ { "python3", "-I", SCRIPT, "--start", NULL }, false, false },
	{ { "/bin/sh", SCRIPT, "--start", NULL }, false, false },
	{ { SCRIPT, "--start", "--config=" CFG, NULL }, false, false },
	{ { "python3", "linux_me2me_host.py", "--start", "--config=" CFG, NULL }, false, false },
	{ { "python3", NULL }, false, false },
	{ { "", "", NULL }, false, false },
	{ { NULL }, false, false },
};

static void test_INST_2_INST_3_an_original_is_known_by_its_command_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool is_child = false;
		size_t n = 0;

		while (cases[i].argv[n])
			n++;
		if (original_matches(n, cases[i].argv, SCRIPT, CFG, &is_child) != cases[i].matches
			|| is_child != cases[i].is_child)
			fail_msg("case %zu", i);
	}
}

static void test_nobody_is_found_where_nobody_runs(void **state)
{
	(void)state;
	struct original original;

	assert_false(original_find("/nowhere/test-original-nobody", CFG, ORIGINAL_ANY, &original));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_INST_2_INST_3_an_original_is_known_by_its_command_line),
		cmocka_unit_test(test_nobody_is_found_where_nobody_runs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
