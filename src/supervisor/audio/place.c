/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/audio/place.h"

#include <errno.h>
#include <fcntl.h>
#include <sha2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/flavour.h"
#include "base/mem.h"
#include "base/paths.h"
#include "base/str.h"
#include "base/sys.h"

#define SOCKET_NAME "/pipewire"
#define BACKLOG 128

/* The longest that fits into a socket's address with its NUL. */
_Static_assert(sizeof(((struct sockaddr_un *)NULL)->sun_path) == 108, "AUDIO-2 counts on it");

void place_suffix(const char *host_id, char ret[PLACE_SUFFIX_SIZE])
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint8_t hash[SHA256_DIGEST_LENGTH];
	SHA2_CTX context;

	SHA256Init(&context);
	SHA256Update(&context, (const uint8_t *)host_id, strlen(host_id));
	SHA256Final(hash, &context);
	for (size_t i = 0; i < PLACE_SUFFIX_SIZE - 1; i++) {
		size_t byte = i * 6 / 8, shift = i * 6 % 8;
		unsigned pair = (unsigned)hash[byte] << 8 | hash[byte + 1];

		ret[i] = digits[pair >> (10 - shift) & 63];
	}
	ret[PLACE_SUFFIX_SIZE - 1] = '\0';
}

int place_init(struct place *self, const struct flavour *flavour, const struct paths *paths,
	const char *host_id)
{
	char name[64], suffix[PLACE_SUFFIX_SIZE];
	int n;

	if (flavour->audio_prefix && str_empty(host_id))
		return -EINVAL;
	if (flavour->audio_prefix) {
		place_suffix(host_id, suffix);
		snprintf(name, sizeof(name), "%s%s", flavour->audio_prefix, suffix);
	} else {
		snprintf(name, sizeof(name), "%s/audio", flavour->runtime_name);
	}
	n = snprintf(
		self->directory, sizeof(self->directory), "%s/%s", paths->runtime_base, name);
	if ((size_t)n + strlen(SOCKET_NAME) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return -ENAMETOOLONG;
	snprintf(self->instance, sizeof(self->instance), "%s" SOCKET_NAME, name);
	snprintf(self->socket, sizeof(self->socket), "%.*s" SOCKET_NAME, n, self->directory);
	snprintf(self->pulse_socket, sizeof(self->pulse_socket), "%.*s/native", n,
		self->directory);
	snprintf(self->fifo, sizeof(self->fifo), "%.*s/fifo_output", n, self->directory);
	return 0;
}

int place_make(const struct place *self)
{
	int r = sys_remove_tree(self->directory); /* a dead daemon's */

	if (r < 0)
		return r;
	return mkdir(self->directory, 0700) < 0 ? -errno : 0;
}

int place_write(const struct place *self, const char *name, const char *bytes, size_t n)
{
	CLEANUP(free) char *path = mem_printf("%s/%s", self->directory, name);
	CLEANUP(close) int fd = -1;

	if (!path)
		return -ENOMEM;
	fd = sys_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0)
		return fd;
	return sys_write_all(fd, bytes, n);
}

int place_listen(const char *socket_path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	CLEANUP(close) int fd = -1;

	if ((size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path) >=
		sizeof(address.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	unlink(socket_path);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(fd, BACKLOG) < 0)
		return -errno;
	return TAKE_FD(fd);
}

void place_remove(const struct place *self)
{
	if (self->directory[0])
		sys_remove_tree(self->directory);
}
