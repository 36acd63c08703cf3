/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/contract/original.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"
#include "ctl/contract/command-line.h"

/* Of a command line: what tells an original stands at its beginning, what is behind is cut off. */
#define CMDLINE_MAX (128 * 1024)
#define WORDS_MAX 1024

bool original_matches(size_t argc, const char *const *argv, const char *argv0, const char *config,
	bool *ret_child)
{
	CLEANUP(free) char *theirs = NULL;
	bool starts = false, child = false;

	if (argc < 2 || !str_starts(str_basename(argv[0]), "python")
		|| !str_equal(str_basename(argv[1]), str_basename(argv0)))
		return false;
	for (size_t i = 0; i < argc; i++) {
		starts |= str_equal(argv[i], "--start");
		child |= str_equal(argv[i], "--child-process");
	}
	if (!starts)
		return false;
	theirs = command_line_find_config(argc - 2, argv + 2);
	if (theirs ? !str_equal(theirs, config) : !str_equal(argv[1], argv0))
		return false;
	*ret_child = child;
	return true;
}

/* Up to CMDLINE_MAX bytes, in one read, and a NUL behind the last word that is whole. */
static size_t read_cmdline(pid_t pid, char *bytes)
{
	CLEANUP(close) int fd = -1;
	char path[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	fd = sys_open(path, O_RDONLY, 0);
	if (fd < 0)
		return 0;
	n = read(fd, bytes, CMDLINE_MAX);
	while (n > 0 && bytes[n - 1])
		n--;
	return n > 0 ? (size_t)n : 0;
}

/* The real user, which only status tells. */
static bool is_of_user(pid_t pid, uid_t uid)
{
	CLEANUP(free) char *text = NULL;
	char path[32];
	unsigned real;
	const char *at;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (sys_read_file(path, 65536, &text, &n) < 0)
		return false;
	at = strstr(text, "\nUid:");
	return at && sscanf(at, "\nUid: %u", &real) == 1 && real == uid;
}

/* Known without opening anything: most processes end here. (The effective user; Python has one.) */
static bool may_be_of_user(pid_t pid, uid_t uid)
{
	struct stat st;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	return stat(path, &st) == 0 && st.st_uid == uid;
}

struct search {
	const char *argv0, *config;
	enum original_which which;
	uid_t uid;
	char *bytes;	    /* CMDLINE_MAX */
	const char **words; /* WORDS_MAX */
	struct original best; /* pid 0: none yet */
};

static bool is_original(const struct search *self, pid_t pid, bool *ret_child)
{
	size_t n = read_cmdline(pid, self->bytes), n_words = 0;

	for (size_t at = 0; at < n && n_words < WORDS_MAX; at += strlen(self->bytes + at) + 1)
		self->words[n_words++] = self->bytes + at;
	return original_matches(n_words, self->words, self->argv0, self->config, ret_child)
	       && is_of_user(pid, self->uid);
}

/* True ends the search: a child is what is wanted most. */
static bool consider(void *data, pid_t pid)
{
	CLEANUP(close) int pidfd = -1;
	struct search *self = data;
	bool child;

	if (pid == getpid() || !may_be_of_user(pid, self->uid) || !is_original(self, pid, &child))
		return false;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	/* Now the descriptor holds it, so a second look is at the same process. */
	if (pidfd < 0 || !is_original(self, pid, &child))
		return false;
	if (self->which == ORIGINAL_CHILD && !child)
		return false;
	original_finish(&self->best);
	self->best = (struct original){ .pid = pid, .pidfd = TAKE_FD(pidfd) };
	return child;
}

bool original_find(const char *argv0, const char *config, enum original_which which,
	struct original *ret)
{
	CLEANUP(free) char *bytes = xalloc(CMDLINE_MAX, 1);
	CLEANUP(free) const char **words = xalloc(WORDS_MAX, sizeof(*words));
	struct search search = {
		.argv0 = argv0,
		.config = config,
		.which = which,
		.uid = getuid(),
		.bytes = bytes,
		.words = words,
		.best = { .pidfd = -1 },
	};

	proc_find(consider, &search);
	if (!search.best.pid)
		return false;
	*ret = search.best;
	return true;
}

void original_finish(struct original *self)
{
	self->pidfd = fd_close(self->pidfd);
}
