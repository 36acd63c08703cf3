/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/keeper-socket.h"
#include "base/mem.h"
#include "supervisor/keeper.h"

#define BACKLOG 128
#define N_PORTS_TRIED 100

static socklen_t make_address(
	const struct settings_address *address, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;

	*ret = (struct sockaddr_storage){ 0 };
	if (inet_pton(AF_INET, address->host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(address->port);
		return sizeof(*v4);
	}
	inet_pton(AF_INET6, address->host, &v6->sin6_addr);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(address->port);
	return sizeof(*v6);
}

/* A listening socket, or negative errno. */
static int open_one(const struct settings_address *address)
{
	struct sockaddr_storage storage;
	socklen_t length = make_address(address, &storage);
	CLEANUP(close) int fd = -1;
	int on = 1;

	fd = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (storage.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&storage, length) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int add(struct listen_set *self, const struct settings_address *address)
{
	int fd = open_one(address);

	if (fd < 0)
		return fd;
	snprintf(self->names[self->n], sizeof(self->names[0]),
		strchr(address->host, ':') ? "[%s]:%u" : "%s:%u", address->host,
		(unsigned)address->port);
	if (self->n == 0)
		self->port = address->port;
	self->fds[self->n++] = fd;
	return 0;
}

static int open_named(struct listen_set *self, const struct settings *settings, char **ret_why)
{
	for (size_t i = 0; i < settings->n_listen; i++) {
		struct settings_address address = settings->listen[i];
		int r;

		if (!address.port)
			address.port = SETTINGS_PORT;
		r = add(self, &address);
		if (r < 0) {
			*ret_why = xprintf("cannot listen on %s port %u: %s; choose another with --listen",
				address.host, (unsigned)address.port, strerror(-r));
			return r;
		}
	}
	return 0;
}

static bool has_no_ipv6(int error)
{
	return error == -EADDRNOTAVAIL || error == -EAFNOSUPPORT;
}

static int open_default(struct listen_set *self, uint16_t port)
{
	struct settings_address v4 = { "127.0.0.1", port }, v6 = { "::1", port };
	int r = add(self, &v4);

	if (r == 0)
		r = add(self, &v6);
	if (has_no_ipv6(r) && self->n == 1)
		return 0;
	if (r < 0)
		listen_close(self);
	return r;
}

int listen_open(struct listen_set *self, const struct settings *settings, char **ret_why)
{
	int r = -EADDRINUSE;

	*self = (struct listen_set){ 0 };
	if (settings->n_listen) {
		r = open_named(self, settings, ret_why);
		if (r < 0)
			listen_close(self);
		return r;
	}
	for (int i = 0; i < N_PORTS_TRIED && r == -EADDRINUSE; i++)
		r = open_default(self, (uint16_t)(SETTINGS_PORT + i));
	if (r < 0)
		*ret_why = xprintf("cannot listen on 127.0.0.1, ports %d to %d: %s; choose one with --listen",
			SETTINGS_PORT, SETTINGS_PORT + N_PORTS_TRIED - 1, strerror(-r));
	return r;
}

static void kept_name(size_t i, char ret[KEEPER_NAME_MAX])
{
	snprintf(ret, KEEPER_NAME_MAX, "listen-%zu", i);
}

void listen_keep(const struct listen_set *self, struct keeper *keeper)
{
	char name[KEEPER_NAME_MAX];

	for (size_t i = 0; i < self->n; i++) {
		kept_name(i, name);
		keeper_keep(keeper, name, self->fds[i]);
	}
}

int listen_adopt(struct listen_set *self, struct keeper *keeper, const json_t *saved)
{
	const json_t *names = json_object_get(saved, "names");
	char name[KEEPER_NAME_MAX];

	*self = (struct listen_set){ 0 };
	for (size_t i = 0; i < json_array_size(names) && i < SETTINGS_N_LISTEN; i++) {
		const char *text = json_string_value(json_array_get(names, i));
		int fd;

		kept_name(i, name);
		fd = text ? keeper_take(keeper, name) : -1;
		if (fd < 0) {
			listen_close(self);
			return -ENOENT;
		}
		snprintf(self->names[i], sizeof(self->names[i]), "%s", text);
		self->fds[self->n++] = fd;
	}
	self->port = (uint16_t)json_integer_value(json_object_get(saved, "port"));
	return self->n ? 0 : -ENOENT;
}

void listen_close(struct listen_set *self)
{
	for (size_t i = 0; i < self->n; i++)
		fd_close(self->fds[i]);
	*self = (struct listen_set){ 0 };
}
