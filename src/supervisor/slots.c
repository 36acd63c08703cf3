/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/slots.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

#define N_SLOTS 2
#define HEADERS_SIZE 4096
#define SIZE (HEADERS_SIZE + N_SLOTS * SLOTS_TEXT_MAX)
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

struct header {
	uint64_t number; /* 0: nothing whole is there */
	uint64_t length;
	uint64_t sum;
};

static struct header *header_of(const struct slots *self, int i)
{
	return (struct header *)self->map + i;
}

static uint8_t *text_of(const struct slots *self, int i)
{
	return self->map + HEADERS_SIZE + (size_t)i * SLOTS_TEXT_MAX;
}

/* FNV-1a, 64 bits: against what was torn, not against who means ill. */
static uint64_t sum_of(uint64_t number, const uint8_t *bytes, size_t n)
{
	uint64_t sum = 0xcbf29ce484222325U ^ number;

	for (size_t i = 0; i < n; i++)
		sum = (sum ^ bytes[i]) * 0x100000001b3U;
	return sum;
}

static bool is_whole(const struct slots *self, int i)
{
	const struct header *header = header_of(self, i);

	return header->number && header->length <= SLOTS_TEXT_MAX
		&& header->sum == sum_of(header->number, text_of(self, i), header->length);
}

/* The newest; -1: none. */
static int find_newest(const struct slots *self)
{
	int newest = -1;

	for (int i = 0; i < N_SLOTS; i++) {
		if (is_whole(self, i)
			&& (newest < 0 || header_of(self, i)->number > header_of(self, newest)->number))
			newest = i;
	}
	return newest;
}

/* @fd: taken. */
static int map(struct slots *self, int fd)
{
	void *at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED) {
		int r = -errno;

		close(fd);
		return r;
	}
	*self = (struct slots){ .fd = fd, .map = at };
	return 0;
}

int slots_create(struct slots *self)
{
	CLEANUP(close) int fd = memfd_create("afar-state", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, SIZE) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return -errno;
	return map(self, TAKE_FD(fd));
}

int slots_open(struct slots *self, int fd)
{
	struct stat st;

	/* Whoever could make it smaller under our feet could end us by SIGBUS. */
	if (fstat(fd, &st) < 0 || st.st_size != SIZE || fcntl(fd, F_GET_SEALS) != SEALS) {
		close(fd);
		return -EBADMSG;
	}
	return map(self, fd);
}

int slots_write(struct slots *self, const char *text, size_t n)
{
	int newest = find_newest(self);
	int next = newest == 0;
	struct header *header = header_of(self, next);
	uint64_t number = newest < 0 ? 1 : header_of(self, newest)->number + 1;

	if (n > SLOTS_TEXT_MAX)
		return -EFBIG;
	header->number = 0;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	memcpy(text_of(self, next), text, n);
	header->length = n;
	header->sum = sum_of(number, text_of(self, next), n);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	header->number = number;
	return 0;
}

int slots_read(const struct slots *self, char **ret, size_t *ret_n)
{
	int newest = find_newest(self);
	size_t n;
	char *text;

	if (newest < 0)
		return -ENODATA;
	n = header_of(self, newest)->length;
	text = mem_dup(text_of(self, newest), n);
	if (!text)
		return -ENOMEM;
	*ret = text;
	*ret_n = n;
	return 0;
}

void slots_finish(struct slots *self)
{
	if (!self->map)
		return;
	munmap(self->map, SIZE);
	fd_close(self->fd);
	*self = (struct slots){ 0 };
}
