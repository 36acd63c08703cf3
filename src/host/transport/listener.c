/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/transport/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sys.h"

#define LISTEN_FDS_MAX 16
/* Accepted in one go, so that a flood does not starve those who are inside. */
#define ACCEPT_BATCH 16
/* What may wait unsent in the kernel: what is queued there can no longer be replaced. */
#define NOTSENT_LOWAT (16 * 1024)
/*
 * A peer that vanished, or takes nothing any more, is found by the kernel,
 * without waking us meanwhile: see "TCP_USER_TIMEOUT" in tcp(7).
 */
#define STUCK_MSEC (60 * 1000)
#define KEEPALIVE_IDLE_SECONDS 60
#define KEEPALIVE_INTERVAL_SECONDS 20
#define KEEPALIVE_PROBES 3

/* A connection that has said nothing. */
struct silent {
	struct visitor visitor;
	struct listener *listener; /* borrowed */
	sd_event_source *source;
	struct newcomer newcomer;
};

struct listener {
	sd_event *event;
	const struct listener_events *events; /* borrowed */
	void *data;
	struct admission admission;
	sd_event_source *timer; /* at the earliest deadline */
	usec_t armed;           /* USEC_NEVER: off */
	sd_event_source *sources[LISTEN_FDS_MAX];
	int fds[LISTEN_FDS_MAX];
	size_t n_fds;
	int reserve_fd; /* given up to accept, and close, one more when descriptors run out */
};

static void silent_destroy(struct silent *self)
{
	admission_leave(&self->listener->admission, &self->visitor);
	sd_event_source_disable_unref(self->source);
	fd_close(self->newcomer.fd);
	free(self);
}

static bool is_silent(const struct visitor *visitor)
{
	return visitor->stage == VISITOR_SILENT;
}

static void drop(struct listener *self, struct visitor *visitor)
{
	if (is_silent(visitor))
		silent_destroy(list_entry(visitor, struct silent, visitor));
	else
		self->events->drop(self->data, visitor);
}

void listener_arm(struct listener *self)
{
	usec_t deadline = admission_deadline(&self->admission);

	if (deadline == self->armed)
		return;
	self->armed = deadline;
	if (deadline != USEC_NEVER)
		sd_event_source_set_time(self->timer, deadline);
	sd_event_source_set_enabled(
		self->timer, deadline == USEC_NEVER ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static int handle_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct listener *self = userdata;
	struct visitor *late;

	(void)source;
	(void)usec;
	while ((late = admission_late(&self->admission, clock_now()))) {
		late->deadline = USEC_NEVER;
		drop(self, late);
	}
	self->armed = USEC_NEVER;
	listener_arm(self);
	return 0;
}

/* It said something, or closed: whoever reads it will find out. */
static int handle_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct silent *silent = userdata;
	struct listener *self = silent->listener;
	struct newcomer newcomer = silent->newcomer;

	(void)source;
	(void)fd;
	newcomer.deadline = silent->visitor.deadline;
	if (revents & (EPOLLHUP | EPOLLERR)) {
		silent_destroy(silent);
		listener_arm(self);
		return 0;
	}
	silent->newcomer.fd = -1;
	silent_destroy(silent);
	self->events->handle_newcomer(self->data, &newcomer);
	listener_arm(self);
	return 0;
}

static void set_options(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ IPPROTO_TCP, TCP_NOTSENT_LOWAT, NOTSENT_LOWAT },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, STUCK_MSEC },
		{ IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_SECONDS },
		{ IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_SECONDS },
		{ IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
	};

	/* None of them is worth a connection. */
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		setsockopt(fd, options[i].level, options[i].name, &options[i].value,
			sizeof(options[i].value));
}

static int keep(struct listener *self, int fd, const struct sockaddr_in6 *address)
{
	struct silent *silent = mem_new(struct silent);
	int r;

	if (!silent)
		return -ENOMEM;
	*silent = (struct silent){ .listener = self };
	r = sd_event_add_io(self->event, &silent->source, fd, EPOLLIN, handle_readable, silent);
	if (r < 0) {
		free(silent);
		return r;
	}
	silent->newcomer.fd = fd;
	silent->newcomer.source = admission_source(address);
	admission_source_text(
		address, silent->newcomer.address, sizeof(silent->newcomer.address));
	admission_enter(
		&self->admission, &silent->visitor, silent->newcomer.source, clock_now());
	return 0;
}

static void enter(struct listener *self, int fd, const struct sockaddr_in6 *address)
{
	struct visitor *victim = admission_victim(&self->admission, admission_source(address));
	int r;

	if (victim)
		drop(self, victim);
	set_options(fd);
	r = keep(self, fd, address);
	if (r < 0) {
		log_debug("cannot keep a newcomer: %s", strerror(-r));
		fd_close(fd);
	}
}

/*
 * Out of descriptors: the oldest visitor goes. When there is none, the
 * newcomer goes, by the reserve; left where it is, it would wake us for ever.
 * Returns whether there is room now, and not only soon.
 */
static bool make_room(struct listener *self, int listen_fd)
{
	struct visitor *victim = admission_any_victim(&self->admission);
	bool now = !victim || is_silent(victim);

	if (victim) {
		drop(self, victim);
		return now;
	}
	self->reserve_fd = fd_close(self->reserve_fd);
	fd_close(accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC));
	self->reserve_fd = sys_open("/dev/null", O_RDONLY, 0);
	return now;
}

static int handle_accept(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct listener *self = userdata;

	(void)source;
	(void)revents;
	for (unsigned i = 0; i < ACCEPT_BATCH; i++) {
		struct sockaddr_in6 address = { 0 };
		socklen_t n = sizeof(address);
		int accepted = accept4(
			fd, (struct sockaddr *)&address, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (accepted >= 0) {
			enter(self, accepted, &address);
		} else if (errno == EMFILE || errno == ENFILE) {
			if (!make_room(self, fd))
				break;
		} else if (errno != ECONNABORTED && errno != EINTR) {
			break; /* EAGAIN: that was all */
		}
	}
	listener_arm(self);
	return 0;
}

static int watch(struct listener *self, int fd)
{
	int r = fd_set_nonblock(fd);

	if (r >= 0)
		r = sd_event_add_io(self->event, &self->sources[self->n_fds], fd, EPOLLIN,
			handle_accept, self);
	if (r >= 0)
		self->n_fds++;
	return r;
}

static int start(struct listener *self, const int *fds, size_t n_fds)
{
	int r;

	if (n_fds > LISTEN_FDS_MAX)
		return -E2BIG;
	self->reserve_fd = sys_open("/dev/null", O_RDONLY, 0);
	if (self->reserve_fd < 0)
		return self->reserve_fd;
	r = sd_event_add_time(self->event, &self->timer, CLOCK_MONOTONIC, 0, USEC_PER_MSEC,
		handle_deadline, self);
	if (r >= 0)
		r = sd_event_source_set_enabled(self->timer, SD_EVENT_OFF);
	for (size_t i = 0; r >= 0 && i < n_fds; i++)
		r = watch(self, fds[i]);
	return r;
}

int listener_create(struct listener **ret, sd_event *event, const int *fds, size_t n_fds,
	const struct listener_events *events, void *data)
{
	struct listener *self = mem_new(struct listener);
	int r;

	if (!self)
		return -ENOMEM;
	*self = (struct listener){
		.event = event,
		.events = events,
		.data = data,
		.armed = USEC_NEVER,
		.reserve_fd = -1,
	};
	for (size_t i = 0; i < LISTEN_FDS_MAX; i++)
		self->fds[i] = -1;
	admission_init(&self->admission);
	r = start(self, fds, n_fds);
	if (r < 0) {
		listener_destroy(self);
		return r;
	}
	for (size_t i = 0; i < n_fds; i++)
		self->fds[i] = fds[i];
	*ret = self;
	return 0;
}

struct admission *listener_admission(struct listener *self)
{
	return &self->admission;
}

void listener_destroy(struct listener *self)
{
	struct visitor *visitor, *safe;

	if (!self)
		return;
	for (size_t i = 0; i < LISTEN_FDS_MAX; i++) {
		sd_event_source_disable_unref(self->sources[i]);
		fd_close(self->fds[i]);
	}
	list_for_each_safe(visitor, safe, &self->admission.visitors, link) {
		if (is_silent(visitor))
			silent_destroy(list_entry(visitor, struct silent, visitor));
	}
	sd_event_source_disable_unref(self->timer);
	fd_close(self->reserve_fd);
	free(self);
}
