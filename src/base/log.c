/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define LINE_MAX_BYTES 2048

static struct {
	const char *program;
	enum log_level limit;
	int fd;
	bool bare;
} log_state = { .program = "afar", .limit = LOG_LEVEL_INFO, .fd = STDERR_FILENO };

void log_init(const char *program)
{
	log_state.program = program;
	log_state.limit = getenv("AFAR_DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
	log_state.bare = getenv("AFAR_LOG_BARE");
}

void log_set_fd(int fd)
{
	log_state.fd = fd;
}

/* One record is one line: what a child or a peer put into a text must not forge another. */
static void flatten(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = ' ';
	}
}

void log_write(enum log_level level, const char *format, ...)
{
	static const char *const names[] = { "error", "warning", "info", "debug" };
	char line[LINE_MAX_BYTES];
	char time[CLOCK_TEXT_MAX];
	int saved = errno;
	va_list args;
	size_t n;

	if (level > log_state.limit)
		return;
	if (log_state.bare)
		n = (size_t)snprintf(line, sizeof(line), "%s: ", names[level]);
	else
		n = (size_t)snprintf(line, sizeof(line), "%s %s %s: ",
			clock_format(clock_wall(), time), names[level], log_state.program);
	va_start(args, format);
	vsnprintf(line + n, sizeof(line) - n - 1, format, args);
	va_end(args);
	flatten(line + n);
	n = strlen(line);
	line[n++] = '\n';
	if (write(log_state.fd, line, n) < 0) {
		/* nowhere left to say so */
	}
	errno = saved;
}
