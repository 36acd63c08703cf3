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

void launch_line_init(struct launch_line *self, const struct paths *paths, const char *name,
	int lock_fd, size_t n_arguments, const char *const *arguments)
{
	size_t n = 0;

	self->lock_fd = xprintf("%d", lock_fd);
	self->socket = xprintf("%s/control", paths->runtime_dir);
	self->supervisor = ctl_program("afar-supervisor");
	self->argv = xalloc(n_arguments + 8, sizeof(*self->argv));
	self->argv[n++] = name;
	self->argv[n++] = self->lock_fd;
	self->argv[n++] = paths->lock_file;
	self->argv[n++] = self->socket;
	self->argv[n++] = paths->runtime_dir;
	self->argv[n++] = paths->runtime_is_ours ? paths->runtime_base : "-";
	self->argv[n++] = self->supervisor;
	for (size_t i = 0; i < n_arguments; i++)
		self->argv[n++] = arguments[i];
}

void launch_line_finish(struct launch_line *self)
{
	free(self->argv);
	free(self->supervisor);
	free(self->socket);
	free(self->lock_fd);
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
