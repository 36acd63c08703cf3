/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/ice.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"

#define DIRECTORY "/tmp/.ICE-unix"

static bool nobody_listens(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	CLEANUP(close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return false;
	snprintf(address.sun_path, sizeof(address.sun_path), DIRECTORY "/%.20s", name);
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0
		&& errno == ECONNREFUSED;
}

static bool is_stale(int directory, const char *name)
{
	unsigned long pid;
	struct stat st;

	return str_to_uint(name, 1, INT32_MAX, &pid) == 0
		&& fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode)
		&& st.st_uid == geteuid() && nobody_listens(name);
}

void ice_remove_stale(void)
{
	DIR *dir = opendir(DIRECTORY);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (is_stale(dirfd(dir), entry->d_name))
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	closedir(dir);
}
