/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/core-file.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"

#define PATTERN_MAX 4096
/* The kernel gives whole seconds; and a large core takes a while before its process has ended. */
#define AFTER_USEC (2 * USEC_PER_SEC)
#define BEFORE_USEC (10 * 60 * USEC_PER_SEC)

const struct core_place core_place_system = {
	.pattern = "/proc/sys/kernel/core_pattern",
	.directory = "/var/lib/systemd/coredump",
};

static bool is_kept(const struct core_place *place)
{
	CLEANUP(free) char *pattern = NULL;
	size_t n;

	return sys_read_file(place->pattern, PATTERN_MAX, &pattern, &n) == 0 && pattern[0] == '|'
		&& strstr(pattern, "/systemd-coredump");
}

/*
 * When the one of this name was dumped; 0: it is no such process's. core.COMM.UID.BOOT.PID.TIME,
 * the last in microseconds, and maybe what it is packed by; COMM has no dot.
 */
static usec_t time_of(const char *name, uid_t uid, pid_t pid)
{
	unsigned long its_uid, its_pid;
	unsigned long long at;

	if (sscanf(name, "core.%*[^.].%lu.%*32[0-9a-f].%lu.%llu", &its_uid, &its_pid, &at) != 3)
		return 0;
	return its_uid == uid && its_pid == (unsigned long)pid ? at : 0;
}

char *core_file_find(const struct core_place *place, uid_t uid, pid_t pid, usec_t at)
{
	usec_t best = at > BEFORE_USEC ? at - BEFORE_USEC : 0;
	const struct dirent *entry;
	char *found = NULL;
	DIR *directory;

	if (!is_kept(place))
		return NULL;
	directory = opendir(place->directory);
	while (directory && (entry = readdir(directory))) {
		usec_t its = time_of(entry->d_name, uid, pid);

		if (its < best || its > at + AFTER_USEC)
			continue;
		best = its;
		free(found);
		found = xprintf("%s/%s", place->directory, entry->d_name);
	}
	if (directory)
		closedir(directory);
	return found;
}
