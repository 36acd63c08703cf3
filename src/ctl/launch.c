/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "ctl/call.h"
#include "ctl/ctl.h"

enum instance_lock launch_lock(
	const struct paths *paths, struct instance *ret, int *ret_fd, char **ret_why)
{
	enum instance_lock state;
	int error = 0;

	if (paths_make_config(paths, ret_why) < 0)
		return INSTANCE_ERROR;
	state = instance_lock(paths, ret, ret_fd, &error);
	if (state == INSTANCE_ERROR)
		*ret_why = xprintf("cannot lock %s: %s", paths->lock_file, strerror(-error));
	return state;
}

int launch_prepare(const struct paths *paths, char **ret_why)
{
	CLEANUP(free) char *socket = xprintf("%s/control", paths->runtime_dir);

	if (call_is_possible(socket)) {
		*ret_why = xprintf("%s is in use by a desktop of yours that is just ending, or has "
				   "another HOME: try again, or set XDG_RUNTIME_DIR to another directory",
			paths->runtime_dir);
		return -EBUSY;
	}
	return paths_make(paths, ret_why);
}

const char **launch_guard_argv(const struct paths *paths, const char *name, int lock_fd,
	size_t n_arguments, const char *const *arguments)
{
	const char **list = xalloc(n_arguments + 8, sizeof(*list));
	size_t n = 0;

	list[n++] = name;
	list[n++] = xprintf("%d", lock_fd);
	list[n++] = paths->lock_file;
	list[n++] = xprintf("%s/control", paths->runtime_dir);
	list[n++] = paths->runtime_dir;
	list[n++] = paths->runtime_is_ours ? paths->runtime_base : "-";
	list[n++] = ctl_program("afar-supervisor");
	for (size_t i = 0; i < n_arguments; i++)
		list[n++] = arguments[i];
	return list;
}

int launch_exec(const char *guard, const char *const *argv, int lock_fd)
{
	fcntl(lock_fd, F_SETFD, 0);
	execv(guard, (char *const *)argv);
	return -errno;
}

void launch_abandon(const struct paths *paths)
{
	rmdir(paths->runtime_dir);
	if (paths->runtime_is_ours)
		rmdir(paths->runtime_base);
	unlink(paths->lock_file);
}
