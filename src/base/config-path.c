/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/config-path.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <md5.h>

#include "base/mem.h"
#include "base/str.h"

#define LINKS_MAX 40 /* as the kernel */
#define DIGITS (CONFIG_PATH_HASH_MAX - 1)

char *config_path_hash(const char *text, char hash[CONFIG_PATH_HASH_MAX])
{
	return MD5Data((const uint8_t *)text, strlen(text), hash);
}

/* Where the link @path leads to, allocated; NULL when it is none. */
static char *read_link(const char *path)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target));

	if (n <= 0 || n == (ssize_t)sizeof(target))
		return NULL;
	target[n] = '\0';
	return xstrdup(target);
}

static void go_up(struct strbuf *self)
{
	char *slash = self->length ? strrchr(self->text, '/') : NULL;

	if (slash) {
		self->length = (size_t)(slash - self->text);
		*slash = '\0';
	}
}

/*
 * Moves the first part of @rest over to @done, and puts what a link says in its place. Returns
 * what is left to do, allocated; NULL when out of memory.
 */
static char *take_part(struct strbuf *done, const char *rest, unsigned *n_links)
{
	size_t n = strcspn(rest, "/");
	CLEANUP(free) char *target = NULL;
	size_t before = done->length;

	if (n == 0 || (n == 1 && rest[0] == '.'))
		return xstrdup(rest + n + (rest[n] == '/'));
	if (n == 2 && rest[0] == '.' && rest[1] == '.') {
		go_up(done);
		return xstrdup(rest + n);
	}
	strbuf_printf(done, "/%.*s", (int)n, rest);
	if (done->failed)
		return NULL;
	target = *n_links < LINKS_MAX ? read_link(done->text) : NULL;
	if (!target)
		return xstrdup(rest + n);
	++*n_links;
	done->length = target[0] == '/' ? 0 : before;
	done->text[done->length] = '\0';
	return xprintf("%s%s", target, rest + n);
}

static int walk(const char *path, unsigned n_links, char **ret)
{
	CLEANUP(strbuf) struct strbuf done = { 0 };
	CLEANUP(free) char *rest = NULL;

	if (path[0] == '/') {
		rest = xstrdup(path);
	} else {
		CLEANUP(free) char *here = getcwd(NULL, 0);

		if (!here)
			return -errno;
		rest = xprintf("%s/%s", here, path);
	}
	while (*rest) {
		char *more = take_part(&done, rest, &n_links);

		free(rest);
		rest = more;
		if (!rest)
			return -ENOMEM;
	}
	*ret = done.length ? TAKE_PTR(done.text) : xstrdup("/");
	return 0;
}

int config_path_resolve(const char *path, char **ret)
{
	return walk(path, 0, ret);
}

int config_path_absolute(const char *path, char **ret)
{
	return walk(path, LINKS_MAX, ret);
}

/* host#MD5.json, and not host#MD5.settings.json or what an editor left. */
static bool is_config_name(const char *name)
{
	const char *hash = name + strlen("host#");

	return str_starts(name, "host#") && strspn(hash, "0123456789abcdef") == DIGITS
	       && str_equal(hash + DIGITS, ".json");
}

/* The only configuration in @directory, allocated; NULL when there is none or a choice. */
static char *find_only(const char *directory)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	char *found = NULL;
	unsigned n = 0;

	if (!dir)
		return NULL;
	while ((entry = readdir(dir))) {
		if (!is_config_name(entry->d_name))
			continue;
		free(found);
		found = xprintf("%s/%s", directory, entry->d_name);
		n++;
	}
	closedir(dir);
	if (n == 1)
		return found;
	free(found);
	return NULL;
}

static bool is_missing(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 && errno == ENOENT;
}

int config_path_find(const struct flavour *flavour, const char *home, const char *given,
	struct config_path *ret)
{
	CLEANUP(free) char *directory = xprintf("%s/%s", home, flavour->config_dir);
	CLEANUP(free) char *usual = NULL, *only = NULL;
	char hash[CONFIG_PATH_HASH_MAX];
	char hostname[HOST_NAME_MAX + 1] = "";
	int r;

	*ret = (struct config_path){ 0 };
	if (given)
		return config_path_resolve(given, &ret->path);
	gethostname(hostname, sizeof(hostname) - 1);
	usual = xprintf("%s/host#%s.json", directory, config_path_hash(hostname, hash));
	if (is_missing(usual))
		only = find_only(directory);
	r = config_path_resolve(only ? only : usual, &ret->path);
	if (r == 0 && only)
		ret->expected = TAKE_PTR(usual);
	return r;
}

void config_path_finish(struct config_path *self)
{
	free(self->path);
	free(self->expected);
	*self = (struct config_path){ 0 };
}
