/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/flavour.h"

#include "base/mem.h"
#include "unit/test.h"

static void test_the_basename_of_the_command_chooses(void **state)
{
	(void)state;
	static const struct {
		const char *argv0;
		const struct flavour *flavour;
	} cases[] = {
		{ "chrome-remote-desktop", &flavour_contract },
		{ "/opt/google/chrome-remote-desktop/chrome-remote-desktop", &flavour_contract },
		{ "./chrome-remote-desktop", &flavour_contract },
		{ "afar", &flavour_afar },
		{ "/usr/bin/afar", &flavour_afar },
		{ "/opt/google/chrome-remote-desktop/afar", &flavour_afar },
		{ "chrome-remote-desktop-host", &flavour_afar },
		{ "chrome-remote-desktop/", &flavour_afar },
		{ "Chrome-Remote-Desktop", &flavour_afar },
		{ "", &flavour_afar },
		{ NULL, &flavour_afar },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_ptr_equal(flavour_of_command(cases[i].argv0), cases[i].flavour);
}

static void test_a_name_is_exactly_a_flavour_or_none(void **state)
{
	(void)state;
	assert_ptr_equal(flavour_by_name("afar"), &flavour_afar);
	assert_ptr_equal(flavour_by_name("chrome-remote-desktop"), &flavour_contract);
	assert_null(flavour_by_name(""));
	assert_null(flavour_by_name("afa"));
	assert_null(flavour_by_name("/usr/bin/afar"));
}

/* CONST-1, CONST-2, CONST-3, CONST-5, CONST-6, CONST-7, AUDIO-1, AUDIO-4, US-15 */
static void test_the_contracts_names_and_numbers_are_the_vendors(void **state)
{
	(void)state;
	const struct flavour *f = &flavour_contract;

	assert_string_equal(f->name, "chrome-remote-desktop");
	assert_string_equal(f->config_dir, ".config/chrome-remote-desktop");
	assert_null(f->config_file);
	assert_string_equal(f->host_program, "chrome-remote-desktop-host");
	assert_string_equal(f->login_program, "user-session");
	assert_string_equal(f->sizes_env, "CHROME_REMOTE_DESKTOP_DEFAULT_DESKTOP_SIZES");
	assert_string_equal(f->xvfb_env, "CHROME_REMOTE_DESKTOP_USE_XVFB");
	assert_string_equal(f->host_params_env, "CHROME_REMOTE_DESKTOP_HOST_EXTRA_PARAMS");
	assert_string_equal(f->session_mark, "CHROME_REMOTE_DESKTOP_SESSION");
	assert_string_equal(f->session_files[0], ".chrome-remote-desktop-session");
	assert_string_equal(f->session_files[1], "/etc/chrome-remote-desktop-session");
	assert_null(f->session_files[2]);
	assert_string_equal(f->pre_session_file, "/etc/chrome-remote-desktop-pre-session");
	assert_string_equal(f->default_sizes, "1600x1200,3840x2560");
	assert_int_equal(f->first_display, 20);
	assert_string_equal(f->authority_file, ".Xauthority");
	assert_string_equal(f->audio_prefix, "crd_audio#");
	assert_string_equal(f->audio_sink, "chrome_remote_desktop_session");
	assert_int_equal(f->healthy_after, 60 * USEC_PER_SEC);
	assert_int_equal(f->fast_delay, 5 * USEC_PER_SEC);
	assert_int_equal(f->slow_delay, 60 * USEC_PER_SEC);
	assert_int_equal(f->slow_after, 5);
	assert_int_equal(f->give_up_after, 15);
	assert_int_equal(FLAVOUR_EXIT_RELAUNCH, 41);
}

/* SUP-2, SUP-3, SUP-8, SUP-9, EXIT-1, ENV-3, ENV-5, LOG-1, SESS-1, CRU-1 */
static void test_the_rules_are_the_scripts_in_one_and_its_faults_mended_in_the_other(void **state)
{
	(void)state;
	const struct flavour *ours = &flavour_afar, *theirs = &flavour_contract;

	assert_true(theirs->logs_to_stderr && theirs->relaunches_itself && theirs->gives_up_whole);
	assert_true(theirs->forces_software_gl && theirs->exports_ssh_socket);
	assert_true(theirs->has_crash_uploader && theirs->chooses_by_dialog);
	assert_false(theirs->host_is_independent || theirs->host_is_ours || theirs->checks_owners);
	assert_true(ours->host_is_independent && ours->host_is_ours && ours->checks_owners);
	assert_false(ours->logs_to_stderr || ours->relaunches_itself || ours->gives_up_whole);
	assert_false(ours->forces_software_gl || ours->exports_ssh_socket);
	assert_false(ours->has_crash_uploader || ours->chooses_by_dialog);
	assert_null(ours->authority_file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_basename_of_the_command_chooses),
		cmocka_unit_test(test_a_name_is_exactly_a_flavour_or_none),
		cmocka_unit_test(test_the_contracts_names_and_numbers_are_the_vendors),
		cmocka_unit_test(
			test_the_rules_are_the_scripts_in_one_and_its_faults_mended_in_the_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
