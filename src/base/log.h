/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The programs' log, on stderr: one line a record,
 *
 *	2026-01-31T12:00:00.000Z info supervisor: Xorg is ready on :20
 *
 * or, when $AFAR_LOG_BARE says that another puts time and name before it,
 *
 *	info: Xorg is ready on :20
 *
 * or, under the contract (LOG-1),
 *
 *	2026-01-31 12:00:00,000:INFO:Xorg is ready on :20
 *
 * Where stderr is the journal's, "<3>" to "<7>" stand before all this and tell
 * it the level.
 *
 * Levels: error = the user loses something; warning = degraded; info =
 * lifecycle, once; debug = for us, shown when $AFAR_DEBUG is set. Never log
 * keys, clipboard, PINs or tokens. A function logs or returns an error, never
 * both.
 */

#include <stdarg.h>
#include <stddef.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/* @program: a literal; stands in each line. Call once, first. */
void log_init(const char *program);

/* LOG-1: local time, level and message. */
void log_use_contract_format(void);

/* Records go to @fd from now on (borrowed), stderr at first. */
void log_set_fd(int fd);

/*
 * Before each record whoever owns the file makes room for so many bytes, in another file maybe
 * (log_set_fd()); NULL: nobody.
 */
void log_set_make_room(void (*make_room)(void *data, size_t n_bytes), void *data);

/* Records go to syslog(3) from now on: whoever has no stderr, and no file of its own. */
void log_use_syslog(void);

/* Each record's message, without time and level, goes to @listener as well (MSG-1); NULL: none. */
void log_set_listener(void (*listener)(void *data, const char *text), void *data);

void log_write(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
