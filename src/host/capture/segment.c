/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/capture/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "base/fd.h"
#include "base/mem.h"

int segment_init(struct segment *self, xcb_connection_t *connection, size_t size,
	xcb_void_cookie_t *ret_attach)
{
	CLEANUP(close) int fd = memfd_create("afar-capture", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *pixels;

	if (fd < 0)
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
	/* libxcb closes the descriptor once it is sent. */
	*ret_attach = xcb_shm_attach_fd_checked(connection, self->id, TAKE_FD(fd), 0);
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
