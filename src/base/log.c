/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"

#define LINE_MAX_BYTES 2048

static struct {
	const char *program;
	enum log_level limit;
	int fd;
	bool bare;
	bool contract;
	bool to_syslog;
	bool to_journal; /* as long as fd is stderr */
	void (*listener)(void *data, const char *text);
	void *listener_data;
	void (*make_room)(void *data, size_t n_bytes);
	void *make_room_data;
} log_state = { .program = "afar", .limit = LOG_LEVEL_INFO, .fd = STDERR_FILENO };

/* systemd.exec(5): $JOURNAL_STREAM names what stderr was; it may have been redirected since. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;
	char end;

	return stream && sscanf(stream, "%llu:%llu%c", &device, &inode, &end) == 2
		&& fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_init(const char *program)
{
	log_state.to_journal = stderr_is_journal();
	log_state.program = program;
	log_state.limit = getenv("AFAR_DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
	log_state.bare = getenv("AFAR_LOG_BARE");
}

void log_use_contract_format(void)
{
	log_state.contract = true;
}

void log_use_syslog(void)
{
	openlog(log_state.program, LOG_PID, LOG_AUTHPRIV);
	log_state.to_syslog = true;
}

void log_set_fd(int fd)
{
	log_state.fd = fd;
}

void log_set_listener(void (*listener)(void *data, const char *text), void *data)
{
	log_state.listener = listener;
	log_state.listener_data = data;
}

void log_set_make_room(void (*make_room)(void *data, size_t n_bytes), void *data)
{
	log_state.make_room = make_room;
	log_state.make_room_data = data;
}

/* One record is one line: what a child or a peer put into a text must not forge another. */
static void flatten(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = ' ';
	}
}

static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* What the journal takes as the record's priority, and away from the line: sd-daemon(3). */
static size_t write_priority(enum log_level level, char *line, size_t size)
{
	if (!log_state.to_journal || log_state.fd != STDERR_FILENO)
		return 0;
	return (size_t)snprintf(line, size, "<%d>", priorities[level]);
}

static size_t write_prefix(enum log_level level, char *line, size_t size)
{
	static const char *const names[] = { "error", "warning", "info", "debug" };
	static const char *const contract_names[] = { "ERROR", "WARNING", "INFO", "DEBUG" };
	char time[CLOCK_TEXT_MAX];

	if (log_state.contract)
		return (size_t)snprintf(line, size, "%s:%s:",
			clock_format_local(clock_wall(), time), contract_names[level]);
	if (log_state.bare)
		return (size_t)snprintf(line, size, "%s: ", names[level]);
	return (size_t)snprintf(line, size, "%s %s %s: ", clock_format(clock_wall(), time),
		names[level], log_state.program);
}

void log_write(enum log_level level, const char *format, ...)
{
	char line[LINE_MAX_BYTES];
	int saved = errno;
	va_list args;
	size_t start, n;

	if (level > log_state.limit)
		return;
	start = write_priority(level, line, sizeof(line));
	start += write_prefix(level, line + start, sizeof(line) - start);
	va_start(args, format);
	vsnprintf(line + start, sizeof(line) - start - 1, format, args);
	va_end(args);
	flatten(line + start);
	if (log_state.listener)
		log_state.listener(log_state.listener_data, line + start);
	if (log_state.to_syslog) {
		syslog(priorities[level], "%s", line + start);
		errno = saved;
		return;
	}
	n = strlen(line);
	line[n++] = '\n';
	if (log_state.make_room)
		log_state.make_room(log_state.make_room_data, n);
	if (write(log_state.fd, line, n) < 0) {
		/* nowhere left to say so */
	}
	errno = saved;
}
