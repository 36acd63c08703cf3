/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Moments as people write them, for `afar logs --since`; afar(1) has the grammar. A pure function
 * but for the time zone, which is the process's own.
 */

#include "base/clock.h"

/**
 * moment_parse() - when is that?
 * @now:  CLOCK_REALTIME, what "ago" and "today" are counted from
 * @ret:  the same clock
 *
 * Takes
 *	"10 min ago", "1h", "1h 30min", "2 days ago"     s, min, h, d, w and longer forms
 *	"now", "today", "yesterday"                      the begin of the day, here
 *	"2026-11-29", "2026-11-29 10:00", "10:00:05"     here; a time alone is today's
 *	"2026-11-29T10:00:00.250Z", "…T11:00+01:00"      ISO 8601, with a zone
 *
 * Returns 0 or -EINVAL. What is in the future is no error.
 */
int moment_parse(const char *text, usec_t now, usec_t *ret);
