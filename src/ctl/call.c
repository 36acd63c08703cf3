/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/call.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"

#define LIMIT_SECONDS 10
#define N_TRIES 5
/* So long may one that is just ending take to hang up. */
#define END_LIMIT_MSEC 2000

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = LIMIT_SECONDS };
	CLEANUP(close) int fd = -1;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

bool call_is_possible(const char *socket)
{
	CLEANUP(close) int fd = connect_to(socket);
	struct pollfd hung_up = { .fd = fd };

	return fd >= 0 && poll(&hung_up, 1, END_LIMIT_MSEC) == 0;
}

static int send_request(int fd, const struct control_message *request)
{
	CLEANUP(free) char *line = NULL;
	size_t n;
	int r = control_encode(request, &line, &n);

	return r < 0 ? r : sys_write_all(fd, line, n);
}

/* One line, without its newline. */
static int read_line(int fd, struct strbuf *ret)
{
	char chunk[8192];

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		char *newline;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ECONNRESET;
		strbuf_append(ret, chunk, (size_t)n);
		if (ret->failed || ret->length > CONTROL_LINE_MAX)
			return -EMSGSIZE;
		newline = memchr(ret->text, '\n', ret->length);
		if (newline) {
			ret->length = (size_t)(newline - ret->text);
			return 0;
		}
	}
}

static int ask_once(const struct instance *instance, const struct control_message *request,
	struct control_message *ret)
{
	CLEANUP(close) int fd = connect_to(instance->socket);
	CLEANUP(strbuf) struct strbuf line = { 0 };
	int r = fd;

	if (r >= 0)
		r = send_request(fd, request);
	if (r == 0)
		r = read_line(fd, &line);
	return r < 0 ? r : control_decode(line.text, line.length, ret);
}

int call_daemon(const struct instance *instance, const struct control_message *request,
	json_t **ret_body, char **ret_why)
{
	struct control_message answer = { 0 };
	int r = -ECONNRESET;

	/* Its socket outlives a supervisor, but who was being answered hears no more. */
	for (int i = 0; i < N_TRIES && (r == -ECONNRESET || r == -EPIPE); i++)
		r = ask_once(instance, request, &answer);
	if (r < 0) {
		*ret_why = xprintf("the running daemon (process %d) does not answer on %s: %s",
			(int)instance->guard_pid, instance->socket, strerror(-r));
		return r;
	}
	if (answer.type == CONTROL_REPLY) {
		*ret_body = TAKE_PTR(answer.body);
	} else {
		*ret_why = xstrdup(answer.type == CONTROL_ERROR ? answer.reason
								: "the daemon's answer is not understood");
		r = -EPROTO;
	}
	control_message_finish(&answer);
	return r;
}
