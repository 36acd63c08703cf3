/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/capture/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

/*
 * libxcb closes a descriptor once it is sent, or at once when it knows that the connection is
 * dead; one that it tried to send to a server that has just died it forgets (1.15).
 */
static void send_now(xcb_connection_t *connection, int fd, const struct stat *identity)
{
	struct stat now;

	if (xcb_flush(connection) > 0)
		return;
	if (fstat(fd, &now) == 0 && now.st_dev == identity->st_dev
		&& now.st_ino == identity->st_ino)
		close(fd);
}

int segment_init(struct segment *self, xcb_connection_t *connection, size_t size,
	xcb_void_cookie_t *ret_attach)
{
	CLEANUP(close) int fd = memfd_create("afar-capture", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct stat identity;
	void *pixels;

	if (fd < 0 || fstat(fd, &identity) < 0)
		return -errno;
	/* Sealed, or whoever shrank it would kill us with SIGBUS. */
	if (ftruncate(fd, (off_t)size) < 0
		|| fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	pixels = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (pixels == MAP_FAILED)
		return -errno;
	*self = (struct segment){
		.pixels = pixels, .size = size, .id = xcb_generate_id(connection)
	};
	*ret_attach = xcb_shm_attach_fd_checked(connection, self->id, fd, 0);
	send_now(connection, TAKE_FD(fd), &identity);
	return 0;
}

void segment_finish(struct segment *self, xcb_connection_t *connection)
{
	if (self->size == 0)
		return;
	if (connection)
		xcb_shm_detach(connection, self->id);
	munmap((void *)self->pixels, self->size);
	*self = (struct segment){ 0 };
}
