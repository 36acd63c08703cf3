/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/moment.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "unit/test.h"

/* Sunday, 2026-11-29, 12:34:56.789 UTC */
#define SECONDS ((usec_t)1795955696)
#define NOW (SECONDS * USEC_PER_SEC + 789 * USEC_PER_MSEC)
#define MIDNIGHT (SECONDS - 12 * 3600 - 34 * 60 - 56)

/* An hour ahead of UTC, two from the last Sunday of March to that of October. */
#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"

static void use_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

struct example {
	const char *text;
	usec_t seconds; /* since the epoch; with NOW's fraction where @ago */
	bool ago;
};

static void check_examples(const struct example *examples, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		usec_t moment = 0, fraction = examples[i].ago ? NOW % USEC_PER_SEC : 0;

		if (moment_parse(examples[i].text, NOW, &moment) < 0)
			fail_msg("'%s' is not understood", examples[i].text);
		if (moment != examples[i].seconds * USEC_PER_SEC + fraction)
			fail_msg("'%s' is %llu", examples[i].text, (unsigned long long)moment);
	}
}

static void test_ages_are_counted_back_from_now(void **state)
{
	(void)state;
	static const struct example examples[] = {
		{ "now", SECONDS, true },
		{ "0s", SECONDS, true },
		{ "10 min ago", SECONDS - 600, true },
		{ "10min", SECONDS - 600, true },
		{ "10 m", SECONDS - 600, true },
		{ "1h", SECONDS - 3600, true },
		{ "1h30m", SECONDS - 5400, true },
		{ "1 hour 30 minutes ago", SECONDS - 5400, true },
		{ "90 seconds ago", SECONDS - 90, true },
		{ "2 days ago", SECONDS - 2 * 86400, true },
		{ "1w", SECONDS - 7 * 86400, true },
	};
	usec_t moment = 1;

	use_zone(BERLIN);
	check_examples(examples, ARRAY_SIZE(examples));
	/* Before all logs is early enough. */
	assert_int_equal(moment_parse("99999 weeks ago", NOW, &moment), 0);
	assert_int_equal(moment, 0);
}

static void test_dates_and_times_without_a_zone_are_of_here(void **state)
{
	(void)state;
	static const struct example examples[] = {
		{ "today", MIDNIGHT - 3600, false },
		{ "yesterday", MIDNIGHT - 3600 - 86400, false },
		{ "2026-11-29", MIDNIGHT - 3600, false },
		{ "2026-11-29 10:00", MIDNIGHT + 9 * 3600, false },
		{ "2026-11-29T10:00:07", MIDNIGHT + 9 * 3600 + 7, false },
		{ "10:00", MIDNIGHT + 9 * 3600, false },
		{ "10:00:07", MIDNIGHT + 9 * 3600 + 7, false },
		{ "2026-07-01 10:00", 1782892800, false }, /* 08:00 UTC, in summer */
		{ "2028-02-29", 1835391600, false },
		{ "2099-01-01", 4070905200, false }, /* is to come: no line is so new */
	};

	use_zone(BERLIN);
	check_examples(examples, ARRAY_SIZE(examples));
}

static void test_yesterday_began_a_day_ago_also_when_the_clock_was_put_forward(void **state)
{
	(void)state;
	/* 2026-03-30 00:30 in Berlin, the day after one of 23 hours. */
	const usec_t now = (usec_t)1774823400 * USEC_PER_SEC;
	usec_t moment = 0;

	use_zone(BERLIN);
	assert_int_equal(moment_parse("yesterday", now, &moment), 0);
	assert_int_equal(moment / USEC_PER_SEC, 1774823400 - 30 * 60 - 23 * 3600);
}

static void test_iso_8601_with_a_zone_is_the_same_everywhere(void **state)
{
	(void)state;
	static const struct example examples[] = {
		{ "2026-11-29T12:34:56Z", SECONDS, false },
		{ "2026-11-29 12:34:56Z", SECONDS, false },
		{ "2026-11-29T13:34:56+01:00", SECONDS, false },
		{ "2026-11-29T13:34:56+0100", SECONDS, false },
		{ "2026-11-29T13:34:56+01", SECONDS, false },
		{ "2026-11-29T07:04:56-05:30", SECONDS, false },
		{ "2026-11-29T12:34:56.789Z", SECONDS, true }, /* as status and the log have it */
		{ "2026-11-29T12:34:56.789000123Z", SECONDS, true },
	};

	use_zone(BERLIN);
	check_examples(examples, ARRAY_SIZE(examples));
	use_zone("UTC0");
	check_examples(examples, ARRAY_SIZE(examples));
}

static void test_what_is_no_moment_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"", " ", "soon", "ago", "10", "10 ago", "min", "-1h", "+1h", "1.5h", "1h ago ago",
		"10 mini", "10 xs", "99999999999 s", "10 sec sec", "2026", "2026-11", "2026-13-01",
		"2026-00-01", "2026-11-31", "2026-02-29", "2100-02-29", "1969-12-31", "2026-11-29T",
		"2026-11-29 ", "2026-11-29 24:00", "2026-11-29 10", "2026-11-29 10:60",
		"2026-11-29 10:00:61", "2026-11-29 10:00 CET", "2026-11-29Z", "2026-11-29T10:00+1",
		"2026-11-29T10:00+24:00", "2026-11-29T10:00Zulu", "2026-11-29\n", "10:00 ",
		"tomorrow", "TODAY",
	};

	use_zone(BERLIN);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		usec_t moment = 42;

		if (moment_parse(texts[i], NOW, &moment) != -EINVAL)
			fail_msg("'%s' is understood", texts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ages_are_counted_back_from_now),
		cmocka_unit_test(test_dates_and_times_without_a_zone_are_of_here),
		cmocka_unit_test(
			test_yesterday_began_a_day_ago_also_when_the_clock_was_put_forward),
		cmocka_unit_test(test_iso_8601_with_a_zone_is_the_same_everywhere),
		cmocka_unit_test(test_what_is_no_moment_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
