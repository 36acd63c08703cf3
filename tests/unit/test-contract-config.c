/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/contract-config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/sys.h"
#include "unit/fds.h"
#include "unit/test.h"

/* All that a host needs (CFG-3). */
#define WHOLE                                                                                  \
	"\"host_id\":\"i\",\"host_name\":\"n\",\"private_key\":\"k\",\"service_account\":\"s\"," \
	"\"oauth_refresh_token\":\"t\""

static char directory[64];
static char *path;
static unsigned n_fds;

static int begin(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/test-contract-config-XXXXXX");
	assert_non_null(mkdtemp(directory));
	path = xprintf("%s/host#0123456789abcdef.json", directory);
	n_fds = fds_count();
	return 0;
}

static int end(void **state)
{
	(void)state;
	assert_int_equal(fds_count(), n_fds);
	sys_remove_tree(directory);
	free(path);
	return 0;
}

static void put(const char *bytes, size_t n)
{
	assert_int_equal(sys_save_file(path, bytes, n, SYS_SAVE_REPLACE), 0);
}

static json_t *load(const char *text)
{
	json_t *config = NULL;
	char *why = NULL;

	put(text, strlen(text));
	assert_int_equal(contract_config_load(path, &config, &why), 0);
	assert_null(why);
	return config;
}

/* Refused with a reason, within a second, and nothing put out. Returns the error. */
static int refused(void)
{
	json_t *config = NULL;
	usec_t start = clock_now();
	char *why = NULL;
	int r = contract_config_load(path, &config, &why);

	assert_true(r < 0);
	assert_true(clock_now() - start < USEC_PER_SEC);
	assert_null(config);
	assert_non_null(why);
	assert_true(why[0]);
	assert_null(strstr(why, path)); /* whoever tells it names the file */
	free(why);
	return r;
}

/* CFG-1 */
static void test_what_we_do_not_know_is_kept_in_its_order(void **state)
{
	(void)state;
	json_t *config = load("\r\n{ \"z\": {\"deep\": [1, null]}, \"host_id\": \"h\xc3\xa4\",\r\n"
			      "\"a\": 9007199254740993, \"host_secret_hash\": \"hmac:x\" }\r\n");
	static const char *const keys[] = { "z", "host_id", "a", "host_secret_hash" };
	const char *key;
	json_t *value;
	size_t i = 0;

	json_object_foreach(config, key, value)
	{
		assert_true(i < ARRAY_SIZE(keys));
		assert_string_equal(key, keys[i++]);
	}
	assert_int_equal(i, ARRAY_SIZE(keys));
	assert_true(json_integer_value(json_object_get(config, "a")) == 9007199254740993);
	assert_string_equal(json_string_value(json_object_get(config, "host_id")), "h\xc3\xa4");
	json_decref(config);
}

/* CFG-1: as the vendor's reader has it. */
static void test_of_two_equal_keys_the_last_counts(void **state)
{
	(void)state;
	json_t *config = load("{\"host_id\":\"first\",\"x\":1,\"host_id\":\"last\"}");

	assert_string_equal(json_string_value(json_object_get(config, "host_id")), "last");
	assert_int_equal(json_object_size(config), 2);
	json_decref(config);
}

/* CFG-2, CFG-06 */
static void test_what_is_no_whole_object_is_a_defined_error(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t n;
	} cases[] = {
#define CASE(text) { text, sizeof(text) - 1 }
		CASE(""),
		CASE(" \n"),
		CASE("{"),
		CASE("[]"),
		CASE("null"),
		CASE("\"text\""),
		CASE("{} {}"),
		CASE("{" WHOLE ",}"),
		CASE("\xef\xbb\xbf{" WHOLE "}"), /* a byte order mark */
		CASE("\xff\xfe{\0}\0"),		 /* UTF-16 */
		CASE("{" WHOLE "}\0"),
		CASE("\0"),
		CASE("{\"a\":\"\0\"}"),
		CASE("{\"a\":\"\xff\"}"),	  /* no UTF-8 */
		CASE("{\"a\":\"\xc0\xaf\"}"),	  /* overlong */
		CASE("{\"a\":\"\xed\xa0\x80\"}"), /* half a surrogate pair */
		CASE("{\"a\":\"\\ud800\"}"),
		CASE("{\"a\":1e999}"),
		CASE("{\"a\":99999999999999999999999999}"),
		CASE("{\"a\":NaN}"),
		CASE("{\"a\":\"line\nbreak\"}"),
#undef CASE
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		put(cases[i].bytes, cases[i].n);
		assert_int_equal(refused(), -EBADMSG);
	}
}

/* CFG-06 */
static void test_ten_mebibytes_and_endless_depth_are_refused_at_once(void **state)
{
	(void)state;
	const size_t n = 10 * 1024 * 1024, deep = 100000;
	CLEANUP(free) char *text = xalloc(n, 1);

	memset(text, ' ', n);
	text[0] = '{';
	text[n - 1] = '}';
	put(text, n);
	assert_int_equal(refused(), -EFBIG);
	memset(text, '[', deep);
	put(text, deep);
	assert_int_equal(refused(), -EBADMSG);
	for (size_t i = 0; i < deep; i++)
		memcpy(text + 5 * i, "{\"a\":", 5);
	put(text, 5 * deep);
	assert_int_equal(refused(), -EBADMSG);
}

/* CFG-06 */
static void test_what_is_no_regular_file_is_an_error_and_never_waited_for(void **state)
{
	(void)state;
	assert_int_equal(refused(), -ENOENT);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(refused(), -EISDIR);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(refused(), -EINVAL);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/zero", path), 0);
	assert_int_equal(refused(), -EINVAL);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(path, path), 0);
	assert_int_equal(refused(), -ELOOP);
}

/* What is wrong is said by its place: a file that was cut may end within a key. */
static void test_no_secret_is_in_what_is_said_of_a_broken_file(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"{\"oauth_refresh_token\":\"s3cr3t",
		"{\"oauth_refresh_token\":\"a\" \"s3cr3t\"}",
		"{\"oauth_refresh_token\":s3cr3t}",
		"{\"oauth_refresh_token\":\"s3cr3t\n\"}",
		"{\"oauth_refresh_token\":\"s3cr3t\\x\"}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		CLEANUP(free) char *why = NULL;
		json_t *config = NULL;

		put(texts[i], strlen(texts[i]));
		assert_int_equal(contract_config_load(path, &config, &why), -EBADMSG);
		assert_null(strstr(why, "s3cr3t"));
		assert_non_null(strstr(why, "line 1"));
	}
}

/* CFG-3, CFG-4 */
static void test_a_host_needs_a_name_a_key_an_id_an_account_and_a_token(void **state)
{
	(void)state;
#define BUT_ACCOUNT                                                                            \
	"\"host_id\":\"i\",\"host_name\":\"n\",\"private_key\":\"k\",\"oauth_refresh_token\":\"t\""
	static const struct {
		const char *text;
		bool valid;
	} cases[] = {
		{ "{}", false },
		{ "{" WHOLE "}", true },
		{ "{" WHOLE ",\"host_secret_hash\":\"hmac:x\",\"more\":[]}", true },
		{ "{" WHOLE ",\"host_id\":\"\"}", false },
		{ "{" WHOLE ",\"host_id\":null}", false },
		{ "{" WHOLE ",\"host_id\":7}", false },
		{ "{" WHOLE ",\"oauth_refresh_token\":null}", false },
		{ "{" WHOLE ",\"service_account\":null}", false },
		{ "{" WHOLE ",\"service_account\":null,\"xmpp_login\":\"x\"}", true },
		{ "{" WHOLE ",\"service_account\":null,\"xmpp_login\":null}", false },
		/* These two have to be there, whatever they are. */
		{ "{" WHOLE ",\"host_name\":null,\"private_key\":\"\"}", true },
		{ "{" BUT_ACCOUNT "}", false },
		{ "{" BUT_ACCOUNT ",\"xmpp_login\":\"x\"}", true },
		{ "{" BUT_ACCOUNT ",\"service_account\":\"s\"}", true },
		{ "{\"host_name\":\"n\",\"private_key\":\"k\",\"service_account\":\"s\","
		  "\"oauth_refresh_token\":\"t\"}",
			false },
		{ "{\"host_id\":\"i\",\"private_key\":\"k\",\"service_account\":\"s\","
		  "\"oauth_refresh_token\":\"t\"}",
			false },
		{ "{\"host_id\":\"i\",\"host_name\":\"n\",\"service_account\":\"s\","
		  "\"oauth_refresh_token\":\"t\"}",
			false },
		{ "{\"host_id\":\"i\",\"host_name\":\"n\",\"private_key\":\"k\","
		  "\"service_account\":\"s\"}",
			false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *config = load(cases[i].text);

		assert_int_equal(contract_config_is_valid(config), cases[i].valid);
		json_decref(config);
	}
}

/* START-10 */
static void test_crash_reports_go_by_the_owners_domain_or_by_consent(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool wanted;
	} cases[] = {
		{ "{}", false },
		{ "{\"host_owner\":\"a@google.com\"}", true },
		{ "{\"host_owner\":\"@google.com\"}", true },
		{ "{\"host_owner\":\"a@google.com.example\"}", false },
		{ "{\"host_owner\":\"a@notgoogle.com\"}", false },
		{ "{\"host_owner\":\"google.com\"}", false },
		{ "{\"host_owner\":\"a@GOOGLE.COM\"}", false },
		{ "{\"host_owner\":\"\"}", false },
		{ "{\"host_owner\":7}", false },
		{ "{\"usage_stats_consent\":true}", true },
		{ "{\"usage_stats_consent\":false}", false },
		{ "{\"usage_stats_consent\":null}", false },
		{ "{\"usage_stats_consent\":1}", true },
		{ "{\"usage_stats_consent\":0}", false },
		{ "{\"usage_stats_consent\":0.0}", false },
		{ "{\"usage_stats_consent\":0.5}", true },
		{ "{\"usage_stats_consent\":\"\"}", false },
		{ "{\"usage_stats_consent\":\"false\"}", true },
		{ "{\"usage_stats_consent\":[]}", false },
		{ "{\"usage_stats_consent\":[0]}", true },
		{ "{\"usage_stats_consent\":{}}", false },
		{ "{\"usage_stats_consent\":{\"a\":0}}", true },
		{ "{\"host_owner\":\"a@example.org\",\"usage_stats_consent\":true}", true },
		{ "{\"host_owner\":\"a@google.com\",\"usage_stats_consent\":false}", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *config = load(cases[i].text);

		assert_int_equal(contract_config_wants_crash_reports(config), cases[i].wanted);
		json_decref(config);
	}
}

/* CFG-6, D-32: another file takes its place, whole and private, whatever the old one's mode. */
static void test_clearing_replaces_the_file_by_an_empty_object_of_mode_0600(void **state)
{
	(void)state;
	CLEANUP(free) char *kept = xprintf("%s/kept", directory);
	CLEANUP(free) char *old = NULL;
	CLEANUP(free) char *new = NULL;
	struct stat st;
	size_t n;

	put("{" WHOLE "}", strlen("{" WHOLE "}"));
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(link(path, kept), 0);
	umask(0);
	assert_int_equal(contract_config_clear(path), 0);
	assert_int_equal(sys_read_file(path, 100, &new, &n), 0);
	assert_string_equal(new, "{}");
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* Whoever reads the old one reads all of it: it was not written to. */
	assert_int_equal(sys_read_file(kept, 1000, &old, &n), 0);
	assert_string_equal(old, "{" WHOLE "}");
	assert_int_equal(unlink(kept), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(directory), 0); /* nothing else lies there */
	assert_int_equal(mkdir(directory, 0700), 0);
}

/* CFG-6 */
static void test_clearing_that_fails_leaves_the_old_file_and_nothing_else(void **state)
{
	(void)state;
	const struct rlimit nothing = { 0, RLIM_INFINITY };
	CLEANUP(free) char *text = NULL;
	struct rlimit limit;
	size_t n;

	put("{" WHOLE "}", strlen("{" WHOLE "}"));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &nothing), 0); /* as on a full disk */
	assert_int_equal(contract_config_clear(path), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(sys_read_file(path, 1000, &text, &n), 0);
	assert_string_equal(text, "{" WHOLE "}");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(directory), 0);
	assert_int_equal(contract_config_clear(path), -ENOENT);
	assert_int_equal(mkdir(directory, 0700), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_we_do_not_know_is_kept_in_its_order),
		TEST(test_of_two_equal_keys_the_last_counts),
		TEST(test_what_is_no_whole_object_is_a_defined_error),
		TEST(test_ten_mebibytes_and_endless_depth_are_refused_at_once),
		TEST(test_what_is_no_regular_file_is_an_error_and_never_waited_for),
		TEST(test_no_secret_is_in_what_is_said_of_a_broken_file),
		TEST(test_a_host_needs_a_name_a_key_an_id_an_account_and_a_token),
		TEST(test_crash_reports_go_by_the_owners_domain_or_by_consent),
		TEST(test_clearing_replaces_the_file_by_an_empty_object_of_mode_0600),
		TEST(test_clearing_that_fails_leaves_the_old_file_and_nothing_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
