/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Time. Delays and ages use the monotonic clock only; the wall clock is for
 * showing. All times are microseconds.
 */

#include <stddef.h>
#include <stdint.h>

typedef uint64_t usec_t;

#define USEC_PER_MSEC ((usec_t)1000)
#define USEC_PER_SEC ((usec_t)1000000)
#define USEC_NEVER UINT64_MAX

/* CLOCK_MONOTONIC. */
usec_t clock_now(void);

/* CPU time that this thread has used. */
usec_t clock_thread(void);

/* CLOCK_REALTIME, since the epoch. */
usec_t clock_wall(void);

/* CPU time that this process has used, all its threads. */
usec_t clock_cpu(void);

/* Room for clock_format()'s text with its NUL. */
#define CLOCK_TEXT_MAX 32

/* RFC 3339 in UTC with milliseconds: 2026-01-31T12:00:00.000Z. Returns @text. */
char *clock_format(usec_t wall, char text[CLOCK_TEXT_MAX]);

/* Local time as the contract's log has it (LOG-1): 2026-01-31 12:00:00,000. Returns @text. */
char *clock_format_local(usec_t wall, char text[CLOCK_TEXT_MAX]);
