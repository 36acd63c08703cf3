/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/ice.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"

#define DIRECTORY "/tmp/.ICE-unix"

/* What xfce4-session wants to undo in ~/.ICEauthority, and does not when it is ended. */
#define NOTES_DIRECTORY "/tmp"
#define NOTES_PREFIX ".xfsm-ICE-"
#define NOTES_SOCKET "/tmp/.ICE-unix/"
#define NOTES_MAX 512

static bool nobody_listens(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	CLEANUP(close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return false;
	snprintf(address.sun_path, sizeof(address.sun_path), DIRECTORY "/%.20s", name);
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0
		&& (errno == ECONNREFUSED || errno == ENOENT);
}

static bool is_stale(int directory, const char *name)
{
	unsigned long pid;
	struct stat st;

	return str_to_uint(name, 1, INT32_MAX, &pid) == 0
		&& fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode)
		&& st.st_uid == geteuid() && nobody_listens(name);
}

/* Such a note names the socket of its session manager. */
static bool is_stale_note(int directory, const char *name)
{
	CLEANUP(close) int fd = -1;
	char text[NOTES_MAX] = "", *socket_name;
	struct stat st;

	if (!str_starts(name, NOTES_PREFIX))
		return false;
	fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return false;
	if (read(fd, text, sizeof(text) - 1) <= 0)
		return false;
	socket_name = strstr(text, NOTES_SOCKET);
	if (!socket_name)
		return false;
	socket_name += strlen(NOTES_SOCKET);
	socket_name[strspn(socket_name, "0123456789")] = '\0';
	return nobody_listens(socket_name);
}

static void remove_where(const char *path, bool (*stale)(int directory, const char *name))
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (stale(dirfd(dir), entry->d_name))
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	closedir(dir);
}

void ice_remove_stale(void)
{
	remove_where(DIRECTORY, is_stale);
	remove_where(NOTES_DIRECTORY, is_stale_note);
}
