/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/display/candidates.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "loop/x-authority.h"

#define ENVIRON_MAX (256 * 1024)
#define CMDLINE_MAX (64 * 1024)

static void cleanup_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static void add(struct candidates *self, unsigned number, const char *path)
{
	struct x_authority entry;

	if (self->n == CANDIDATES_MAX || path[0] != '/' || strlen(path) >= CANDIDATE_SIZE)
		return;
	for (size_t i = 0; i < self->n; i++) {
		if (str_equal(self->paths[i], path))
			return;
	}
	if (x_authority_read(path, number, &entry) < 0)
		return;
	explicit_bzero(&entry, sizeof(entry));
	memcpy(self->paths[self->n++], path, strlen(path) + 1);
}

__attribute__((format(printf, 3, 4))) static void add_path(
	struct candidates *self, unsigned number, const char *format, ...)
{
	char path[CANDIDATE_SIZE];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	if (n > 0 && (size_t)n < sizeof(path))
		add(self, number, path);
}

/* Files of ours in @directory whose names begin so. */
static void add_matching(
	struct candidates *self, unsigned number, const char *directory, const char *prefix)
{
	CLEANUP(dir) DIR *dir = opendir(directory);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		struct stat st;

		/* Everybody may write to /tmp: a file of somebody else's is none of a server's of ours. */
		if (str_starts(entry->d_name, prefix)
			&& fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0
			&& S_ISREG(st.st_mode) && st.st_uid == geteuid())
			add_path(self, number, "%s/%s", directory, entry->d_name);
	}
}

/* NUL-separated strings of a file in /proc/PID, and one NUL more. NULL: not for us to read. */
static char *read_strings(
	const struct candidate_places *places, const char *pid, const char *name, size_t max, size_t *ret_n)
{
	char path[300], *text;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s/%s", places->proc, pid, name) >= sizeof(path))
		return NULL;
	return sys_read_file(path, max, &text, ret_n) < 0 ? NULL : text;
}

static const char *next(const char *at)
{
	return at + strlen(at) + 1;
}

/* The value of @name in @n bytes of an environment; NULL: not there. */
static const char *find_variable(const char *text, size_t n, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = text; at < text + n; at = next(at)) {
		if (strncmp(at, name, length) == 0 && at[length] == '=')
			return at + length + 1;
	}
	return NULL;
}

/* ":5" and ":5.0" are display 5. */
static bool is_display(const char *text, unsigned number)
{
	char name[16];
	size_t n = (size_t)snprintf(name, sizeof(name), ":%u", number);

	return strncmp(text, name, n) == 0 && (text[n] == '\0' || text[n] == '.');
}

/* A program that is on the display was told where the authority is. */
static void add_of_client(struct candidates *self, const struct candidate_places *places,
	unsigned number, const char *pid)
{
	size_t n;
	CLEANUP(free) char *text = read_strings(places, pid, "environ", ENVIRON_MAX, &n);
	const char *display = text ? find_variable(text, n, "DISPLAY") : NULL;
	const char *path;

	if (!display || !is_display(display, number))
		return;
	path = find_variable(text, n, "XAUTHORITY");
	if (path)
		add(self, number, path);
}

/* So was the server, by -auth. @is_it: it is known to serve this display. */
static void add_of_server(struct candidates *self, const struct candidate_places *places,
	unsigned number, const char *pid, bool is_it)
{
	size_t n;
	CLEANUP(free) char *text = read_strings(places, pid, "cmdline", CMDLINE_MAX, &n);
	const char *path = NULL;

	if (!text || (!is_it && str_basename(text)[0] != 'X'))
		return;
	for (const char *at = text; at < text + n; at = next(at)) {
		if (str_equal(at, "-auth") && next(at) < text + n)
			path = next(at);
		is_it |= is_display(at, number);
	}
	if (path && is_it)
		add(self, number, path);
}

static void add_of_processes(
	struct candidates *self, const struct candidate_places *places, unsigned number)
{
	CLEANUP(dir) DIR *dir = opendir(places->proc);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		unsigned long pid;
		struct stat st;

		if (str_to_uint(entry->d_name, 1, INT32_MAX, &pid) < 0
			|| fstatat(dirfd(dir), entry->d_name, &st, 0) < 0)
			continue;
		if (st.st_uid == geteuid())
			add_of_client(self, places, number, entry->d_name);
		if (st.st_uid == geteuid() || st.st_uid == 0)
			add_of_server(self, places, number, entry->d_name, false);
	}
}

void candidates_find(struct candidates *self, const struct candidate_places *places,
	unsigned number, pid_t server)
{
	char pid[16];

	self->n = 0;
	if (places->xauthority)
		add(self, number, places->xauthority);
	add_path(self, number, "%s/.Xauthority", places->home);
	if (server > 0) {
		snprintf(pid, sizeof(pid), "%d", (int)server);
		add_of_server(self, places, number, pid, true);
	}
	add_of_processes(self, places, number);
	add_path(self, number, "%s/gdm/Xauthority", places->runtime);
	if (places->user) {
		add_path(self, number, "%s/lightdm/%s/xauthority", places->run, places->user);
		add_path(self, number, "%s/lightdm/root/:%u", places->run, number);
	}
	add_matching(self, number, places->runtime, "xauth_");
	add_matching(self, number, places->runtime, ".mutter-Xwaylandauth.");
	add_matching(self, number, places->tmp, "xauth_");
}

bool candidates_has_variable(
	const struct candidate_places *places, pid_t pid, const char *const *names)
{
	CLEANUP(free) char *text = NULL;
	char number[16];
	size_t n;

	snprintf(number, sizeof(number), "%d", (int)pid);
	text = read_strings(places, number, "environ", ENVIRON_MAX, &n);
	for (; text && *names; names++) {
		if (find_variable(text, n, *names))
			return true;
	}
	return false;
}
