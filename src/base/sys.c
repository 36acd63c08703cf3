/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define LINKS_MAX 40 /* in a row; the kernel's limit */

int sys_open(const char *path, int flags, mode_t mode)
{
	int fd = fault_hits(FAULT_OPEN) ? -1 : open(path, flags | O_CLOEXEC, mode);

	return fd < 0 ? -errno : fd;
}

/* mkostemp(3): 0600 */
static int make_temporary(char *path)
{
	int fd = fault_hits(FAULT_OPEN) ? -1 : mkostemp(path, O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* 0, or negative errno; a name that is there is success. */
static int make_directory(const char *path)
{
	if (fault_hits(FAULT_OPEN) || (mkdir(path, 0700) < 0 && errno != EEXIST))
		return -errno;
	return 0;
}

static int sync_file(int fd)
{
	return fault_hits(FAULT_FSYNC) || fsync(fd) < 0 ? -errno : 0;
}

static int sync_directory(const char *path)
{
	CLEANUP(close) int fd = sys_open(path, O_RDONLY | O_DIRECTORY, 0);

	return fd < 0 ? fd : sync_file(fd);
}

int sys_rename(const char *from, const char *to)
{
	return fault_hits(FAULT_RENAME) || rename(from, to) < 0 ? -errno : 0;
}

int sys_write_all(int fd, const void *bytes, size_t n)
{
	const char *at = bytes;

	while (n) {
		ssize_t written = fault_hits(FAULT_WRITE) ? -1 : write(fd, at, n);

		if (written < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		at += written;
		n -= (size_t)written;
	}
	return 0;
}

int sys_random(void *bytes, size_t n)
{
	char *at = bytes;

	while (n) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		at += got;
		n -= (size_t)got;
	}
	return 0;
}

int sys_read_fd(int fd, size_t max, char **ret, size_t *ret_n)
{
	CLEANUP(strbuf) struct strbuf text = { 0 };
	char chunk[4096];

	for (;;) {
		ssize_t got = read(fd, chunk, sizeof(chunk));

		if (got < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (got == 0)
			break;
		if ((size_t)got > max - text.length)
			return -EFBIG;
		strbuf_append(&text, chunk, (size_t)got);
		if (text.failed)
			return -ENOMEM;
	}
	strbuf_append(&text, "", 0);
	if (text.failed)
		return -ENOMEM;
	*ret_n = text.length;
	*ret = TAKE_PTR(text.text);
	return 0;
}

int sys_read_file(const char *path, size_t max, char **ret, size_t *ret_n)
{
	CLEANUP(close) int fd = sys_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return sys_read_fd(fd, max, ret, ret_n);
}

static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return mem_dup(".", 1);
	return mem_dup(path, slash == path ? 1 : (size_t)(slash - path));
}

static int write_and_sync(int fd, const void *bytes, size_t n)
{
	int r = sys_write_all(fd, bytes, n);

	return r < 0 ? r : sync_file(fd);
}

/* The link at @path by one step: -EINVAL when it is none, as readlink(2) has it. */
static int follow_link(const char *path, char **ret)
{
	CLEANUP(free) char *directory = directory_of(path);
	char target[PATH_MAX];
	struct stat st;
	ssize_t n;

	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0 || lstat(path, &st) < 0)
		return -errno;
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return -EPERM;
	target[n] = '\0';
	if (target[0] == '/')
		*ret = mem_dup(target, (size_t)n);
	else
		*ret = directory ? mem_printf("%s/%s", directory, target) : NULL;
	return *ret ? 0 : -ENOMEM;
}

/* The file that is meant, behind the links that lead to it: one that is there, or none yet. */
static int find_target(const char *path, char **ret)
{
	CLEANUP(free) char *at = mem_dup(path, strlen(path));
	struct stat st;
	char *next;
	int r = at ? 0 : -ENOMEM;

	for (unsigned n = 0; r == 0 && n <= LINKS_MAX; n++) {
		r = follow_link(at, &next);
		if (r == 0) {
			free(at);
			at = next;
		}
	}
	if (r == 0)
		return -ELOOP;
	if (r == -EINVAL && lstat(at, &st) == 0 && !S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if (r != -EINVAL && r != -ENOENT)
		return r;
	*ret = TAKE_PTR(at);
	return 0;
}

/*
 * A file without a name: of a program that is killed nothing is left. Not every file system has
 * such; there it is @ret_name.
 */
static int open_temporary(const char *directory, const char *path, char **ret_name)
{
	CLEANUP(free) char *name = NULL;
	int fd = sys_open(directory, O_TMPFILE | O_WRONLY, 0600);

	if (fd != -EOPNOTSUPP)
		return fd;
	name = mem_printf("%s.XXXXXX", path);
	if (!name)
		return -ENOMEM;
	fd = make_temporary(name);
	if (fd < 0)
		return fd;
	*ret_name = TAKE_PTR(name);
	return fd;
}

static int give_name(int fd, const char *name)
{
	char self[32];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (fault_hits(FAULT_RENAME) || linkat(AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW) < 0)
		return -errno;
	return 0;
}

/* rename(2) needs a name: one beside @path that nobody has. */
static int give_some_name(int fd, const char *path, char **ret_name)
{
	for (;;) {
		CLEANUP(free) char *name = NULL;
		uint32_t number;
		int r = sys_random(&number, sizeof(number));

		if (r == 0) {
			name = mem_printf("%s.%08x", path, number);
			r = name ? 0 : -ENOMEM;
		}
		if (r == 0)
			r = give_name(fd, name);
		if (r == 0)
			*ret_name = TAKE_PTR(name);
		if (r != -EEXIST)
			return r;
	}
}

/* @name: NULL when it has none yet; what there is afterwards is the caller's to remove. */
static int put_in_place(int fd, char **name, const char *path, enum sys_save how)
{
	int r = 0;

	if (how == SYS_SAVE_NEW && !*name)
		return give_name(fd, path);
	if (how == SYS_SAVE_NEW)
		return fault_hits(FAULT_RENAME) || link(*name, path) < 0 ? -errno : 0;
	if (!*name)
		r = give_some_name(fd, path, name);
	if (r < 0)
		return r;
	r = sys_rename(*name, path);
	if (r < 0)
		return r;
	free(*name);
	*name = NULL;
	return 0;
}

int sys_save_file(const char *path, const void *bytes, size_t n, enum sys_save how)
{
	CLEANUP(free) char *target = NULL;
	CLEANUP(free) char *directory = NULL;
	CLEANUP(free) char *temporary = NULL;
	CLEANUP(close) int fd = -1;
	int r = find_target(path, &target);

	if (r < 0)
		return r;
	directory = directory_of(target);
	if (!directory)
		return -ENOMEM;
	fd = open_temporary(directory, target, &temporary);
	if (fd < 0)
		return fd;
	r = write_and_sync(fd, bytes, n);
	if (r == 0)
		r = put_in_place(fd, &temporary, target, how);
	if (temporary)
		unlink(temporary);
	if (r < 0)
		return r;
	/* Too late to fail: the new one is what everybody reads from here on. */
	r = sync_directory(directory);
	if (r < 0 && r != -EINVAL) /* file systems that cannot sync one have nothing to say */
		log_warning("%s is saved, but a power cut may yet undo that: %s", path,
			strerror(-r));
	return 0;
}

/* Made beside it and moved, for a link that is there cannot be changed. */
static int link_latest(const char *prefix, const char *path)
{
	CLEANUP(free) char *latest = mem_printf("%s.latest", prefix);
	CLEANUP(free) char *beside = mem_printf("%s.latest", path);
	int r;

	if (!latest || !beside)
		return -ENOMEM;
	if (symlink(path, beside) < 0)
		return -errno;
	r = sys_rename(beside, latest);
	if (r < 0)
		unlink(beside);
	return r;
}

int sys_new_log(const char *prefix, char **ret_path, int *ret_linked)
{
	CLEANUP(free) char *path = NULL;
	time_t now = time(NULL);
	char date[32];
	struct tm tm;
	int fd;

	localtime_r(&now, &tm);
	strftime(date, sizeof(date), "%Y%m%d_%H%M%S", &tm);
	path = mem_printf("%s_%s_XXXXXX", prefix, date);
	if (!path)
		return -ENOMEM;
	fd = make_temporary(path);
	if (fd < 0)
		return fd;
	*ret_linked = link_latest(prefix, path);
	*ret_path = TAKE_PTR(path);
	return fd;
}

int sys_make_dirs(const char *path)
{
	CLEANUP(free) char *copy = mem_dup(path, strlen(path));
	struct stat st;
	int r;

	if (!copy)
		return -ENOMEM;
	for (char *at = copy + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		r = make_directory(copy);
		if (r < 0)
			return r;
		*at = '/';
	}
	r = make_directory(copy);
	if (r < 0)
		return r;
	if (stat(copy, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

static int remove_at(int parent, const char *name);

static int remove_contents(int fd)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	int result = 0;

	if (!dir) {
		int r = -errno;

		close(fd);
		return r;
	}
	while ((entry = readdir(dir))) {
		int r;

		if (str_equal(entry->d_name, ".") || str_equal(entry->d_name, ".."))
			continue;
		r = remove_at(dirfd(dir), entry->d_name);
		if (r < 0 && result == 0)
			result = r;
	}
	closedir(dir);
	return result;
}

static int remove_at(int parent, const char *name)
{
	int fd, r;

	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = remove_contents(fd);
	if (unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT && r == 0)
		r = -errno;
	return r;
}

int sys_remove_tree(const char *path)
{
	return remove_at(AT_FDCWD, path);
}
