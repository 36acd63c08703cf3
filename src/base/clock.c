/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#include "base/fault.h"

static usec_t read_clock(clockid_t id)
{
	struct timespec t;

	if (fault_hits(FAULT_CLOCK))
		t = (struct timespec){ .tv_sec = 1 };
	else
		clock_gettime(id, &t);
	return (usec_t)t.tv_sec * USEC_PER_SEC + (usec_t)t.tv_nsec / 1000;
}

usec_t clock_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

usec_t clock_thread(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

usec_t clock_wall(void)
{
	return read_clock(CLOCK_REALTIME);
}

usec_t clock_cpu(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

char *clock_format(usec_t wall, char text[CLOCK_TEXT_MAX])
{
	time_t seconds = (time_t)(wall / USEC_PER_SEC);
	unsigned msec = (unsigned)(wall / USEC_PER_MSEC % 1000);
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(text, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, CLOCK_TEXT_MAX - n, ".%03uZ", msec);
	return text;
}

char *clock_format_local(usec_t wall, char text[CLOCK_TEXT_MAX])
{
	time_t seconds = (time_t)(wall / USEC_PER_SEC);
	unsigned msec = (unsigned)(wall / USEC_PER_MSEC % 1000);
	struct tm tm;
	size_t n;

	localtime_r(&seconds, &tm);
	n = strftime(text, CLOCK_TEXT_MAX, "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(text + n, CLOCK_TEXT_MAX - n, ",%03u", msec);
	return text;
}
