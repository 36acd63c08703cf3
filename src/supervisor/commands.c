/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sys.h"
#include "loop/line-channel.h"
#include "supervisor/host-process.h"
#include "supervisor/host-stats.h"
#include "supervisor/keeper.h"
#include "supervisor/supervisor.h"
#include "wire/control.h"

#define N_CALLERS 16
#define CONTROL "control" /* with the guard */

static const struct line_channel_limits limits = {
	.line_max = 4096,
	.queue_max = 2 * CONTROL_LINE_MAX,
};

struct commands {
	struct supervisor *supervisor; /* borrowed */
	char *path;
	int fd;
	int reserve_fd; /* given up to accept, and close, one more when descriptors run out */
	sd_event_source *source;
	struct list callers;
	unsigned n_callers;
};

struct caller {
	struct list link;
	struct commands *commands;
	struct line_channel *channel;
};

static void caller_destroy(struct caller *self)
{
	host_process_forget_link(self->commands->supervisor->host, self);
	host_stats_forget(self->commands->supervisor->host_stats, self);
	list_remove(&self->link);
	self->commands->n_callers--;
	line_channel_destroy(self->channel);
	free(self);
}

/* The last that is done with a caller for a line of its: it may be gone then. */
static void answer(struct caller *self, const struct control_message *message)
{
	CLEANUP(free) char *line = NULL;
	size_t n;
	int r = control_encode(message, &line, &n);

	if (r == 0)
		r = line_channel_send(self->channel, line, n);
	if (r == 0)
		return;
	/* It waits for nothing else: better no answer than none ever. */
	log_warning("an answer on the control socket was lost: %s", strerror(-r));
	caller_destroy(self);
}

static void answer_error(struct caller *self, const char *text)
{
	struct control_message message = { .type = CONTROL_ERROR };

	snprintf(message.reason, sizeof(message.reason), "%s", text);
	answer(self, &message);
}

/* @body: taken. */
static void answer_body(struct caller *self, json_t *body)
{
	struct control_message message = { .type = CONTROL_REPLY, .body = body };

	if (body)
		answer(self, &message);
	else
		answer_error(self, "out of memory");
	json_decref(body);
}

static void handle_link(void *data, const char *token)
{
	struct caller *self = data;

	if (!token) {
		answer_error(self, "the host does not run, so that nobody could use a link: see `afar status`");
		return;
	}
	answer_body(self,
		json_pack("{s: s++}", "link", self->commands->supervisor->url, "#link=", token));
}

static void handle_stats(void *data, json_t *document, const char *why)
{
	if (document)
		answer_body(data, document);
	else
		answer_error(data, why);
}

static void reload(struct caller *self)
{
	CLEANUP(free) char *why = NULL;
	int r = supervisor_reload(self->commands->supervisor, &why);

	if (r < 0)
		answer_error(self, why ? why : strerror(-r));
	else
		answer_body(self, json_object());
}

/* The answer goes first: after that this program is another one. */
static void replace(struct caller *self, bool now)
{
	int r = handover_prepare_exec(self->commands->supervisor, now);
	char text[256];

	if (r < 0) {
		snprintf(text, sizeof(text), "the supervisor cannot be replaced: %s", strerror(-r));
		answer_error(self, text);
	} else {
		answer_body(self, json_object());
	}
}

static void handle_line(void *data, char *line, size_t n)
{
	struct caller *self = data;
	struct supervisor *supervisor = self->commands->supervisor;
	struct control_message message;
	int r = control_decode(line, n, &message);

	if (r < 0) {
		answer_error(self, r == -ENOMEM ? "out of memory" : "this is no request");
		return;
	}
	switch (message.type) {
	case CONTROL_GET_STATUS:
		answer_body(self, supervisor_status(supervisor));
		break;
	case CONTROL_GET_LINK:
		if (host_process_make_link(supervisor->host, handle_link, self) < 0)
			handle_link(self, NULL);
		break;
	case CONTROL_GET_STATS:
		host_stats_ask(supervisor->host_stats, handle_stats, self);
		break;
	case CONTROL_RELOAD:
		reload(self);
		break;
	case CONTROL_REPLACE:
		replace(self, message.now);
		break;
	default:
		answer_error(self, "this daemon does not know that request: it may be older than the command");
		break;
	}
	control_message_finish(&message);
}

static void handle_end(void *data, int error)
{
	(void)error;
	caller_destroy(data);
}

static const struct line_channel_events events = {
	.handle_line = handle_line,
	.handle_end = handle_end,
};

static bool may_call(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0
		&& (peer.uid == geteuid() || peer.uid == 0);
}

/* Left where it is, a caller for whom there is no descriptor would wake us for ever. */
static void turn_away(struct commands *self)
{
	self->reserve_fd = fd_close(self->reserve_fd);
	fd_close(accept4(self->fd, NULL, NULL, SOCK_CLOEXEC));
	self->reserve_fd = sys_open("/dev/null", O_RDONLY, 0);
}

static int handle_caller(sd_event_source *source, int listen_fd, uint32_t revents, void *data)
{
	struct commands *self = data;
	CLEANUP(close) int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	struct caller *caller;

	(void)source;
	(void)revents;
	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		turn_away(self);
	if (fd < 0 || !may_call(fd) || self->n_callers == N_CALLERS)
		return 0;
	caller = mem_new(struct caller);
	if (!caller)
		return 0;
	caller->commands = self;
	if (line_channel_create(
		    &caller->channel, self->supervisor->event, fd, &limits, &events, caller)
		< 0) {
		free(caller);
		return 0;
	}
	fd = -1;
	list_append(&self->callers, &caller->link);
	self->n_callers++;
	return 0;
}

/* On failure @self is gone. */
static int watch(struct commands *self, struct commands **ret)
{
	int r = self->reserve_fd = sys_open("/dev/null", O_RDONLY, 0);

	if (r >= 0)
		r = sd_event_add_io(self->supervisor->event, &self->source, self->fd, EPOLLIN,
			handle_caller, self);
	if (r < 0) {
		commands_destroy(self);
		return r;
	}
	*ret = self;
	return 0;
}

int commands_create(struct commands **ret, struct supervisor *supervisor)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct commands *self = mem_new(struct commands);
	int r;

	if (!self)
		return -ENOMEM;
	self->supervisor = supervisor;
	self->fd = -1;
	self->reserve_fd = -1;
	list_init(&self->callers);
	self->path = xprintf("%s/control", supervisor->paths.runtime_dir);
	/* Whoever connected to a predecessor is waiting in it. */
	self->fd = keeper_take(supervisor->handover.keeper, CONTROL);
	if (self->fd >= 0)
		return watch(self, ret);
	if (strlen(self->path) >= sizeof(address.sun_path)) {
		commands_destroy(self);
		return -ENAMETOOLONG;
	}
	memcpy(address.sun_path, self->path, strlen(self->path) + 1);
	unlink(self->path); /* a killed daemon's: the lock is ours, so nobody listens there */
	self->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (self->fd < 0 || bind(self->fd, (struct sockaddr *)&address, sizeof(address)) < 0
		|| listen(self->fd, N_CALLERS) < 0)
		r = -errno;
	else
		r = 0;
	if (r < 0) {
		commands_destroy(self);
		return r;
	}
	keeper_keep(supervisor->handover.keeper, CONTROL, self->fd);
	return watch(self, ret);
}

void commands_destroy(struct commands *self)
{
	struct caller *caller, *next;

	if (!self)
		return;
	list_for_each_safe(caller, next, &self->callers, link)
		caller_destroy(caller);
	sd_event_source_unref(self->source);
	self->fd = fd_close(self->fd);
	self->reserve_fd = fd_close(self->reserve_fd);
	unlink(self->path);
	free(self->path);
	free(self);
}
