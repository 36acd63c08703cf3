/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/contract/start-options.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sys.h"
#include "wire/json-memory.h"

#define FILE_MAX (128 * 1024)
#define ARGUMENTS_MAX 1024

static char *path_of(const struct paths *paths)
{
	return xprintf("%s/start-options", paths->config_dir);
}

static int append(json_t *list, char *text)
{
	int r = text ? json_array_append_new(list, json_string(text)) : -1;

	free(text);
	return r;
}

/* Texts that are no UTF-8 cannot be kept. */
static int fill(json_t *list, const struct command_line *line, const char *config)
{
	int r = 0;

	if (line->config)
		r |= append(list, xprintf("--config=%s", config));
	for (size_t i = 0; i < line->n_sizes; i++)
		r |= append(list, xprintf("--size=%s", line->sizes[i]));
	if (line->n_x_options)
		r |= append(list, xstrdup("--"));
	for (size_t i = 0; i < line->n_x_options; i++)
		r |= append(list, xstrdup(line->x_options[i]));
	return r < 0 ? -EILSEQ : 0;
}

int start_options_save(
	const struct paths *paths, const struct command_line *line, const char *config)
{
	CLEANUP(free) char *path = path_of(paths);
	CLEANUP(free) char *text = NULL;
	json_t *list = json_array();
	int r = fill(list, line, config);

	if (r == 0 && json_array_size(list) == 0) {
		json_decref(list);
		return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
	}
	text = r == 0 ? json_memory_dump(list, JSON_INDENT(2)) : NULL;
	json_decref(list);
	if (!text)
		return r < 0 ? r : -ENOMEM;
	if (strlen(text) > FILE_MAX)
		return -EFBIG;
	r = sys_make_dirs(paths->config_dir);
	return r < 0 ? r : sys_save_file(path, text, strlen(text), SYS_SAVE_REPLACE);
}

/* 0 with *@ret NULL when there is no such file. */
static int read_text(const char *path, char **ret, size_t *ret_n)
{
	CLEANUP(close) int fd = sys_open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_uid != getuid() || st.st_mode & (S_IWGRP | S_IWOTH))
		return -EPERM;
	return sys_read_fd(fd, FILE_MAX, ret, ret_n);
}

static int join(struct command_line *line, const char *text, size_t n)
{
	CLEANUP(free) const char **arguments = NULL;
	CLEANUP(free) char *why = NULL;
	json_t *list = json_memory_load(text, n, JSON_REJECT_DUPLICATES, NULL), *item;
	struct command_line saved;
	int r = -EBADMSG;
	size_t i;

	if (json_is_array(list) && json_array_size(list) <= ARGUMENTS_MAX) {
		arguments = xalloc(json_array_size(list) + 1, sizeof(*arguments));
		r = 0;
		json_array_foreach(list, i, item) {
			arguments[i] = json_string_value(item);
			if (!arguments[i])
				r = -EBADMSG;
		}
	}
	if (r == 0)
		r = command_line_parse(&saved, json_array_size(list), arguments, &why);
	if (r == 0) {
		command_line_join(line, &saved);
		command_line_finish(&saved);
	}
	json_decref(list);
	return r;
}

void start_options_join(const struct paths *paths, struct command_line *line)
{
	CLEANUP(free) char *path = path_of(paths);
	CLEANUP(free) char *text = NULL;
	size_t n = 0;
	int r = read_text(path, &text, &n);

	if (r == 0 && text)
		r = join(line, text, n);
	if (r < 0)
		log_warning("The options in %s are not used: %s", path,
			r == -EPERM ? "others may have written them" : strerror(-r));
}
