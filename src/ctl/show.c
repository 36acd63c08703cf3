/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "ctl/moment.h"

struct colours show_colours(void)
{
	if (isatty(STDOUT_FILENO) && !getenv("NO_COLOR"))
		return (struct colours){ "\033[32m", "\033[31m", "\033[2m", "\033[0m" };
	return (struct colours){ "", "", "", "" };
}

const char *show_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

usec_t show_time(const json_t *object, const char *key)
{
	usec_t moment;

	return moment_parse(show_text(object, key), clock_wall(), &moment) == 0 ? moment : 0;
}

char *show_age(const json_t *object, const char *key, usec_t now)
{
	usec_t then = show_time(object, key);
	unsigned long long s = then && then < now ? (now - then) / USEC_PER_SEC : 0;

	if (s < 60)
		return xprintf("%llu s", s);
	if (s < 60 * 60)
		return xprintf("%llu min", s / 60);
	if (s < 24 * 60 * 60)
		return xprintf("%llu h %llu min", s / 3600, s / 60 % 60);
	return xprintf("%llu d %llu h", s / 86400, s / 3600 % 24);
}
