/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/notify-socket.h"
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

/* Its arguments, before the supervisor's: guard/main.c */
enum {
	GUARD_NAME,
	GUARD_LOCK_FD,
	GUARD_LOCK_FILE,
	GUARD_SOCKET,
	GUARD_RUNTIME_DIR,
	GUARD_RUNTIME_BASE,
	GUARD_SUPERVISOR,
	N_GUARD,
};

const char **launch_guard_argv(const struct paths *paths, const char *name, int lock_fd,
	size_t n_arguments, const char *const *arguments)
{
	const char **list = xalloc(N_GUARD + n_arguments + 1, sizeof(*list));

	list[GUARD_NAME] = name;
	list[GUARD_LOCK_FD] = xprintf("%d", lock_fd);
	list[GUARD_LOCK_FILE] = paths->lock_file;
	list[GUARD_SOCKET] = xprintf("%s/control", paths->runtime_dir);
	list[GUARD_RUNTIME_DIR] = paths->runtime_dir;
	list[GUARD_RUNTIME_BASE] = paths->runtime_is_ours ? paths->runtime_base : "-";
	list[GUARD_SUPERVISOR] = ctl_program("afar-supervisor");
	for (size_t i = 0; i < n_arguments; i++)
		list[N_GUARD + i] = arguments[i];
	return list;
}

void launch_free_argv(const char **argv)
{
	if (!argv)
		return;
	free((char *)argv[GUARD_LOCK_FD]);
	free((char *)argv[GUARD_SOCKET]);
	free((char *)argv[GUARD_SUPERVISOR]);
	free(argv);
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

void launch_tell_running(void)
{
	static const char text[] = "READY=1\nSTATUS=a desktop that is none of this unit's runs already";
	CLEANUP(close) int fd = notify_socket_open();

	if (fd >= 0)
		notify_socket_send(fd, text, strlen(text), true);
}
