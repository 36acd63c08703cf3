/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/ready-line.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "supervisor/keeper.h"

static int handle_readable(sd_event_source *source, int fd, uint32_t revents, void *data)
{
	struct ready_line *self = data;
	ssize_t n = read(fd, self->text + self->length, sizeof(self->text) - 1 - self->length);
	char *newline;

	(void)source;
	(void)revents;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		bool came = n == 0 && self->is_adopted;

		ready_line_close(self);
		if (came)
			self->handle(self->data, "");
		return 0;
	}
	self->length += (size_t)n;
	self->text[self->length] = '\0';
	newline = strchr(self->text, '\n');
	if (newline) {
		*newline = '\0';
		ready_line_close(self);
		self->handle(self->data, self->text);
	} else if (self->length == sizeof(self->text) - 1) {
		ready_line_close(self);
	}
	return 0;
}

/* @fd: taken. */
static int watch(struct ready_line *self, sd_event *event, struct keeper *keeper, const char *name,
	int fd, ready_line_fn handle, void *data)
{
	int r;

	*self = (struct ready_line){
		.keeper = keeper, .kept_as = name, .fd = fd, .handle = handle, .data = data
	};
	r = fd_set_nonblock(self->fd);
	if (r == 0)
		r = sd_event_add_io(
			event, &self->source, self->fd, EPOLLIN, handle_readable, self);
	if (r < 0)
		ready_line_close(self);
	return r < 0 ? r : 0;
}

int ready_line_open(struct ready_line *self, sd_event *event, struct keeper *keeper,
	const char *name, int *ret_fd, ready_line_fn handle, void *data)
{
	CLEANUP(close) int write_end = -1;
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	write_end = fds[1];
	r = watch(self, event, keeper, name, fds[0], handle, data);
	if (r < 0)
		return r;
	keeper_keep(keeper, name, self->fd);
	*ret_fd = TAKE_FD(write_end);
	return 0;
}

int ready_line_adopt(struct ready_line *self, sd_event *event, struct keeper *keeper,
	const char *name, ready_line_fn handle, void *data)
{
	int fd = keeper_take(keeper, name), r;

	if (fd < 0)
		return -ENOENT;
	r = watch(self, event, keeper, name, fd, handle, data);
	self->is_adopted = r >= 0;
	return r;
}

void ready_line_close(struct ready_line *self)
{
	if (!self->source && self->fd <= 0)
		return;
	self->source = sd_event_source_unref(self->source);
	self->fd = fd_close(self->fd);
	keeper_drop(self->keeper, self->kept_as);
}
