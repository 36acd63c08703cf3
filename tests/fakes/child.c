/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A child of the daemon that does as it is told: a host, an X server, a crash uploader.
 *
 * $AFAR_TEST_FAKES is a directory of the test's. The fake goes by the name that it was called
 * by, or "report" when it is a host that is to report why it is offline, and "chooser" when it
 * is to show one. It records how it was called in NAME.PID/, which appears whole: argv and
 * environ (as in /proc), cwd, fds (a line each: number and what it is), start (of main(),
 * CLOCK_MONOTONIC, microseconds) and fork (when it was made: starttime of proc_pid_stat(5)).
 * Then it does what NAME.how says, a command a line:
 *
 *	read             stdin to its end; what came is in NAME.PID/stdin
 *	ready            SIGUSR1 to the parent
 *	displayfd TEXT   into the descriptor that -displayfd names
 *	print TEXT       to stdout; \n, \t, \\ and \xHH in it are bytes
 *	complain TEXT    to stderr
 *	flood N          to stdout, N kilobytes of lines; how long the slowest write and all of
 *	                 them took is in NAME.PID/flood, microseconds
 *	await NAME       until somebody has opened the FIFO of this name for writing
 *	ignore N         the signal
 *	hang             until a signal comes
 *	become PROGRAM   with the same arguments, to its end
 *	exit N           with this status
 *	kill N           itself, by this signal
 *
 * At the end of the list it exits with 0.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"

#define STDIN_MAX (1 << 24)
#define N_FDS 256

extern char **environ;

static char *record; /* the directory of this run */
static int display_fd = -1;

__attribute__((noreturn)) static void fail(const char *what)
{
	fprintf(stderr, "fake child: %s\n", what);
	exit(125);
}

static void write_file(const char *directory, const char *name, const char *bytes, size_t n)
{
	CLEANUP(free) char *path = xprintf("%s/%s", directory, name);
	int fd = sys_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || sys_write_all(fd, bytes, n) < 0)
		fail(path);
	close(fd);
}

/* Each with the NUL behind it. */
static void write_list(const char *directory, const char *name, char **list)
{
	CLEANUP(strbuf) struct strbuf text = { 0 };

	for (; *list; list++)
		strbuf_append(&text, *list, strlen(*list) + 1);
	write_file(directory, name, text.text ? text.text : "", text.length);
}

static void write_fds(const char *directory)
{
	CLEANUP(strbuf) struct strbuf text = { 0 };

	for (int fd = 0; fd < N_FDS; fd++) {
		char link[64], target[4096];
		ssize_t n;

		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, target, sizeof(target));
		if (n >= 0)
			strbuf_printf(&text, "%d %.*s\n", fd, (int)n, target);
	}
	write_file(directory, "fds", text.text ? text.text : "", text.length);
}

static void write_record(const char *fakes, const char *name, char **argv, usec_t start)
{
	CLEANUP(free) char *unfinished = xprintf("%s/.%s.%d", fakes, name, (int)getpid());
	char text[4096];

	record = xprintf("%s/%s.%d", fakes, name, (int)getpid());
	if (mkdir(unfinished, 0700) < 0)
		fail(unfinished);
	write_fds(unfinished);
	write_list(unfinished, "argv", argv);
	write_list(unfinished, "environ", environ);
	if (!getcwd(text, sizeof(text)))
		fail("no working directory");
	write_file(unfinished, "cwd", text, strlen(text));
	snprintf(text, sizeof(text), "%llu", (unsigned long long)start);
	write_file(unfinished, "start", text, strlen(text));
	snprintf(text, sizeof(text), "%llu", (unsigned long long)proc_start_time(getpid()));
	write_file(unfinished, "fork", text, strlen(text));
	if (rename(unfinished, record) < 0)
		fail(record);
}

/* Of this run; appears whole. */
static void add_to_record(const char *name, const char *bytes, size_t n)
{
	CLEANUP(free) char *from = xprintf("%s/.unfinished", record);
	CLEANUP(free) char *to = xprintf("%s/%s", record, name);

	write_file(record, ".unfinished", bytes, n);
	if (rename(from, to) < 0)
		fail(to);
}

static void read_stdin(void)
{
	CLEANUP(free) char *bytes = NULL;
	size_t n;

	if (sys_read_fd(STDIN_FILENO, STDIN_MAX, &bytes, &n) < 0)
		fail("stdin cannot be read");
	add_to_record("stdin", bytes, n);
}

/* Decodes in place; returns the length, for NUL may be among it. */
static size_t decode(char *text)
{
	char *to = text;

	for (const char *at = text; *at; at++) {
		char digits[3] = { 0 };

		if (*at != '\\' || !at[1]) {
			*to++ = *at;
			continue;
		}
		switch (*++at) {
		case 'n':
			*to++ = '\n';
			break;
		case 't':
			*to++ = '\t';
			break;
		case 'x':
			if (!at[1] || !at[2])
				fail("\\x lacks its digits");
			memcpy(digits, at + 1, 2);
			*to++ = (char)strtol(digits, NULL, 16);
			at += 2;
			break;
		default:
			*to++ = *at;
		}
	}
	return (size_t)(to - text);
}

static void say(int fd, char *text)
{
	sys_write_all(fd, text, decode(text));
}

static void flood(unsigned long kilobytes)
{
	usec_t begin = clock_now(), before = begin, now = begin, slowest = 0;
	char block[1024], text[64];

	memset(block, 'x', sizeof(block));
	for (size_t i = 63; i < sizeof(block); i += 64)
		block[i] = '\n';
	for (; kilobytes > 0; kilobytes--, before = now) {
		sys_write_all(STDOUT_FILENO, block, sizeof(block));
		now = clock_now();
		if (now - before > slowest)
			slowest = now - before;
	}
	snprintf(text, sizeof(text), "%llu %llu", (unsigned long long)slowest,
		(unsigned long long)(now - begin));
	add_to_record("flood", text, strlen(text));
}

static void await(const char *fakes, const char *name)
{
	CLEANUP(free) char *path = xprintf("%s/%s", fakes, name);
	int fd = sys_open(path, O_RDONLY, 0);

	if (fd < 0)
		fail(path);
	close(fd);
}

__attribute__((noreturn)) static void hang(void)
{
	for (;;)
		pause();
}

static void obey(const char *fakes, char **argv, char *line)
{
	char *argument = strchr(line, ' ');
	int number;

	if (argument)
		*argument++ = '\0';
	else
		argument = line + strlen(line);
	number = atoi(argument);
	if (str_equal(line, "read"))
		read_stdin();
	else if (str_equal(line, "ready"))
		kill(getppid(), SIGUSR1);
	else if (str_equal(line, "displayfd"))
		say(display_fd, argument);
	else if (str_equal(line, "print"))
		say(STDOUT_FILENO, argument);
	else if (str_equal(line, "complain"))
		say(STDERR_FILENO, argument);
	else if (str_equal(line, "flood"))
		flood((unsigned long)number);
	else if (str_equal(line, "await"))
		await(fakes, argument);
	else if (str_equal(line, "ignore"))
		signal(number, SIG_IGN);
	else if (str_equal(line, "hang"))
		hang();
	else if (str_equal(line, "become"))
		execv(argument, argv);
	else if (str_equal(line, "exit"))
		exit(number);
	else if (str_equal(line, "kill"))
		raise(number);
	else
		fail(line);
}

int main(int argc, char **argv)
{
	usec_t start = clock_now();
	const char *fakes = getenv("AFAR_TEST_FAKES");
	const char *name = str_basename(argv[0]);
	CLEANUP(free) char *path = NULL;
	CLEANUP(free) char *orders = NULL;
	size_t n;

	if (!fakes)
		fail("AFAR_TEST_FAKES is not set");
	for (int i = 1; i < argc; i++) {
		if (str_starts(argv[i], "--report-offline-reason="))
			name = "report";
		else if (str_starts(argv[i], "--type="))
			name = "chooser";
		else if (str_equal(argv[i], "-displayfd") && i + 1 < argc)
			display_fd = atoi(argv[i + 1]);
	}
	write_record(fakes, name, argv, start);
	path = xprintf("%s/%s.how", fakes, name);
	if (sys_read_file(path, 1 << 16, &orders, &n) < 0)
		fail(path);
	for (char *save, *line = strtok_r(orders, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save))
		obey(fakes, argv, line);
	free(record);
	return 0;
}
