/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/moment.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"

#define DAY (24 * 60 * 60)

static const struct unit {
	const char *names; /* with a blank before and after each */
	unsigned long seconds;
} units[] = {
	{ " s sec secs second seconds ", 1 },
	{ " m min mins minute minutes ", 60 },
	{ " h hr hour hours ", 60 * 60 },
	{ " d day days ", DAY },
	{ " w week weeks ", 7 * DAY },
};

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " ");
}

/* The seconds of the unit whose name @at begins with, and *@ret_end behind it; 0: none. */
static unsigned long take_unit(const char *at, const char **ret_end)
{
	size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyz");
	char word[16];

	if (n == 0 || n + 2 >= sizeof(word))
		return 0;
	snprintf(word, sizeof(word), " %.*s ", (int)n, at);
	*ret_end = at + n;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strstr(units[i].names, word))
			return units[i].seconds;
	}
	return 0;
}

/* "1h 30min", with or without "ago": before @now. */
static int parse_age(const char *text, usec_t now, usec_t *ret)
{
	unsigned long long seconds = 0;
	const char *at = text;

	do {
		size_t n = strspn(at, "0123456789");
		unsigned long count, unit;
		char digits[11];

		if (n == 0 || n >= sizeof(digits))
			return -EINVAL;
		snprintf(digits, sizeof(digits), "%.*s", (int)n, at);
		unit = take_unit(skip_blanks(at + n), &at);
		if (!unit || str_to_uint(digits, 0, 0xffffffff, &count) < 0)
			return -EINVAL;
		seconds += (unsigned long long)count * unit;
		at = skip_blanks(at);
	} while (*at && !str_equal(at, "ago"));
	*ret = seconds < now / USEC_PER_SEC ? now - seconds * USEC_PER_SEC : 0;
	return 0;
}

/* @n digits, and *@at behind them; -1: they are not there, or make a number outside @min..@max. */
static int take_digits(const char **at, int n, int min, int max)
{
	int value = 0;

	for (int i = 0; i < n; i++) {
		char c = (*at)[i];

		if (c < '0' || c > '9')
			return -1;
		value = value * 10 + (c - '0');
	}
	*at += n;
	return value >= min && value <= max ? value : -1;
}

/* Takes @c, if it comes next. */
static bool take_char(const char **at, char c)
{
	if (**at != c)
		return false;
	++*at;
	return true;
}

static bool take_date(const char **at, struct tm *tm)
{
	static const int lengths[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year = take_digits(at, 4, 1970, 9999), month, day;

	if (year < 0 || !take_char(at, '-'))
		return false;
	month = take_digits(at, 2, 1, 12);
	if (month < 0 || !take_char(at, '-'))
		return false;
	day = take_digits(at, 2, 1, lengths[month - 1]);
	if (day < 0 || (month == 2 && day == 29 && (year % 4 || (year % 100 == 0 && year % 400))))
		return false;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	tm->tm_mday = day;
	return true;
}

/* "10:00", "10:00:05", "10:00:05.250". */
static bool take_time(const char **at, struct tm *tm, usec_t *ret_usec)
{
	tm->tm_hour = take_digits(at, 2, 0, 23);
	if (tm->tm_hour < 0 || !take_char(at, ':'))
		return false;
	tm->tm_min = take_digits(at, 2, 0, 59);
	if (tm->tm_min < 0)
		return false;
	if (!take_char(at, ':'))
		return true;
	tm->tm_sec = take_digits(at, 2, 0, 60);
	if (tm->tm_sec < 0 || !take_char(at, '.'))
		return tm->tm_sec >= 0;
	for (usec_t unit = USEC_PER_SEC / 10; **at >= '0' && **at <= '9'; unit /= 10, ++*at)
		*ret_usec += (usec_t)(**at - '0') * unit;
	return true;
}

/* "Z", "+01:00", "+0100", "+01": what the time is ahead of UTC, in seconds. */
static bool take_zone(const char **at, long *ret)
{
	int sign = **at == '-' ? -1 : 1, hours, minutes = 0;

	*ret = 0;
	if (take_char(at, 'Z'))
		return true;
	if (!take_char(at, '+') && !take_char(at, '-'))
		return false;
	hours = take_digits(at, 2, 0, 23);
	if (hours >= 0 && **at) {
		take_char(at, ':');
		minutes = take_digits(at, 2, 0, 59);
	}
	*ret = sign * (hours * 60L + minutes) * 60;
	return hours >= 0 && minutes >= 0;
}

static int to_moment(time_t seconds, usec_t usec, usec_t *ret)
{
	if (seconds < 0)
		return -EINVAL;
	*ret = (usec_t)seconds * USEC_PER_SEC + usec;
	return 0;
}

/* A date, a time of today, or both. */
static int parse_time(const char *at, const struct tm *today, usec_t *ret)
{
	struct tm tm = { .tm_year = today->tm_year, .tm_mon = today->tm_mon,
		.tm_mday = today->tm_mday, .tm_isdst = -1 };
	bool has_time = true;
	usec_t usec = 0;
	long ahead;

	if (strlen(at) > 4 && at[4] == '-') {
		if (!take_date(&at, &tm))
			return -EINVAL;
		has_time = take_char(&at, 'T') || take_char(&at, ' ');
	}
	if (has_time && !take_time(&at, &tm, &usec))
		return -EINVAL;
	if (!*at)
		return to_moment(mktime(&tm), usec, ret);
	if (!has_time || !take_zone(&at, &ahead) || *at)
		return -EINVAL;
	return to_moment(timegm(&tm) - ahead, usec, ret);
}

int moment_parse(const char *text, usec_t now, usec_t *ret)
{
	time_t seconds = (time_t)(now / USEC_PER_SEC);
	struct tm today;

	localtime_r(&seconds, &today);
	if (str_equal(text, "now")) {
		*ret = now;
		return 0;
	}
	if (str_equal(text, "today") || str_equal(text, "yesterday")) {
		/* Days are not all as long: mktime() knows what the one before is. */
		struct tm day = { .tm_year = today.tm_year, .tm_mon = today.tm_mon,
			.tm_mday = today.tm_mday - (text[0] == 'y'), .tm_isdst = -1 };

		return to_moment(mktime(&day), 0, ret);
	}
	if (parse_age(text, now, ret) == 0)
		return 0;
	return parse_time(text, &today, ret);
}
