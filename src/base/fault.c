/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Nothing here goes through base/mem.h or base/sys.h, or it would count itself. */

static const struct {
	const char *name;
	int usual;
} kinds[] = {
	[FAULT_ALLOC] = { "alloc", ENOMEM },
	[FAULT_FORK] = { "fork", EAGAIN },
	[FAULT_EXEC] = { "exec", ENOENT },
	[FAULT_OPEN] = { "open", EMFILE },
	[FAULT_WRITE] = { "write", ENOSPC },
	[FAULT_FSYNC] = { "fsync", EIO },
	[FAULT_RENAME] = { "rename", ENOSPC },
	[FAULT_CLOCK] = { "clock", EINVAL },
};

_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == FAULT_N, "each kind has a name");

static struct fault_state own[FAULT_N];
static struct fault_state *states = own;

__attribute__((noreturn)) static void refuse(const char *what)
{
	dprintf(STDERR_FILENO, "AFAR_TEST_FAULT: '%s' is not understood\n", what);
	_exit(125);
}

static int64_t error_of(const char *name)
{
	for (int error = 1; error < 200; error++) {
		const char *known = strerrorname_np(error);

		if (known && strcmp(known, name) == 0)
			return error;
	}
	refuse(name);
}

/* One fault, [PROGRAM/]KIND:N[+][:ERRNO], in a text of its own. */
static void read_one(char *text, const char *program)
{
	char *slash = strchr(text, '/');
	char *kind = slash ? slash + 1 : text;
	char *number = strchr(kind, ':');
	char *end;

	if (!number)
		refuse(text);
	*number++ = '\0';
	if (slash) {
		*slash = '\0';
		if (strcmp(text, program) != 0)
			return;
	}
	for (int i = 0; i < FAULT_N; i++) {
		if (strcmp(kind, kinds[i].name) != 0)
			continue;
		states[i].first = strtoull(number, &end, 10);
		states[i].last = *end == '+' ? UINT64_MAX : states[i].first;
		end += *end == '+';
		states[i].error = *end == ':' ? error_of(end + 1) : 0;
		if (*end && *end != ':')
			refuse(number);
		return;
	}
	refuse(kind);
}

static void read_faults(const char *faults, const char *program)
{
	char text[512], *save;

	if (strlen(faults) >= sizeof(text))
		refuse(faults);
	memcpy(text, faults, strlen(faults) + 1);
	for (char *one = strtok_r(text, ",", &save); one; one = strtok_r(NULL, ",", &save))
		read_one(one, program);
}

/* One that is executed in the place of another, under the same name, goes on with its counts. */
static void share(const char *directory, const char *program)
{
	char path[PATH_MAX];
	void *memory;
	int fd;

	snprintf(path, sizeof(path), "%s/%s.%d", directory, program, (int)getpid());
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(own)) < 0)
		refuse(path);
	memory = mmap(NULL, sizeof(own), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		refuse(path);
	close(fd);
	states = memory;
}

/* Before main(). A setuid program hears nothing of this. */
__attribute__((constructor)) static void begin(void)
{
	const char *directory = secure_getenv("AFAR_TEST_FAULT_DIR");
	const char *faults = secure_getenv("AFAR_TEST_FAULT");
	char path[PATH_MAX];
	const char *program;
	ssize_t n;

	if (!directory && !faults)
		return;
	n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	program = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	if (directory)
		share(directory, program);
	if (faults)
		read_faults(faults, program);
}

int fault_hits(enum fault kind)
{
	struct fault_state *state = &states[kind];
	uint64_t n = __atomic_add_fetch(&state->n_calls, 1, __ATOMIC_RELAXED);

	if (n < state->first || n > state->last)
		return 0;
	errno = state->error ? (int)state->error : kinds[kind].usual;
	return errno;
}
