/* SPDX-License-Identifier: BSD-3-Clause */
#include "chooser/remember.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/trusted.h"

/* An id is the name of a file; the rest of a longer text says that it is none of ours. */
#define TEXT_MAX (NAME_MAX + 1)

int remember_load(const char *path, char **ret_id)
{
	CLEANUP(free) char *text = NULL;
	size_t n = 0, length;
	int r = trusted_read(path, TEXT_MAX, &text, &n);

	if (r < 0)
		return r;
	length = strcspn(text, "\n");
	if (!length || length + (text[length] == '\n') != n || memchr(text, '/', length))
		return -EBADMSG;
	text[length] = '\0';
	*ret_id = TAKE_PTR(text);
	return 0;
}

int remember_save(const char *path, const char *id)
{
	CLEANUP(free) char *directory = mem_dup(path, (size_t)(str_basename(path) - path));
	CLEANUP(free) char *text = xprintf("%s\n", id);
	int r;

	if (!directory)
		return -ENOMEM;
	r = sys_make_dirs(directory);
	return r < 0 ? r : sys_save_file(path, text, strlen(text), SYS_SAVE_REPLACE);
}

int remember_forget(const char *path)
{
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}
