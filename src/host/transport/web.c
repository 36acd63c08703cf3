/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/transport/web.h"

#include <errno.h>
#include <fcntl.h>
#include <libwebsockets.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "host/client.h"
#include "host/connection.h"
#include "host/host.h"
#include "host/transport/admission.h"
#include "host/transport/answer.h"
#include "host/transport/hang-up.h"
#include "host/transport/listener.h"
#include "host/transport/probe.h"
#include "host/transport/request.h"

#define HEADER_MAX_BYTES (8 * 1024)
#define HEADER_SECONDS 10 /* from a request's first byte to its last */
#define KEEPALIVE_SECONDS 15
#define CLOSE_SECONDS 5 /* for a peer that is told to go */
#define STOP_USEC (500 * USEC_PER_MSEC)

#define MESSAGE_MAX (64 * 1024)
#define MESSAGE_MAX_STRANGER (4 * 1024)

/* More than any message: the socket alone says how much it takes. */
#define WRITE_MAX ((size_t)256 * 1024 * 1024)

/*
 * So many events of ours, or for so long, before libwebsockets gets its turn: what viewers type
 * waits no longer than for one that takes its time, such as a whole new picture (LOD-04).
 */
#define TURN_MAX 16
#define TURN_USEC (1 * USEC_PER_MSEC)

_Static_assert(CONNECTION_HEADROOM >= LWS_PRE, "a frame's header fits before every message");

/* One HTTP or WebSocket connection, from its first byte on. */
struct web_connection {
	struct connection connection; /* only once it is a WebSocket */
	struct list link;
	struct visitor visitor;
	struct web *web;       /* borrowed */
	struct lws *wsi;       /* borrowed: libwebsockets frees it after WSI_DESTROY */
	struct client *client; /* NULL: plain HTTP */
	struct strbuf message; /* the parts of a fragmented one */
	struct probe probe;    /* if it is a WebSocket */
	bool must_probe;
	bool closing;
	bool closed; /* its end is in libwebsockets' hands */
	unsigned close_code;
	char close_why[64];
};

struct web {
	struct host *host;                /* borrowed */
	const struct origin_names *names; /* borrowed */
	struct lws_context *context;
	struct lws_vhost *vhost;
	struct listener *listener; /* NULL once stopped */
	struct hang_up hang_up;
	struct list connections;
	sd_event_source *stop_timer;
	bool stopping;
	bool stopped;
};

static int handle_lws(
	struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t n);

/*
 * The first serves HTTP, and is never the answer to an upgrade. Without a
 * tx_packet_size only so many bytes as rx_buffer_size go out in one write.
 */
static const struct lws_protocols protocols[] = {
	{ .name = "http", .callback = handle_lws, .tx_packet_size = WRITE_MAX },
	{
		.name = REQUEST_STREAM_PROTOCOL,
		.callback = handle_lws,
		.rx_buffer_size = 4096,
		.tx_packet_size = WRITE_MAX,
	},
	{ 0 },
};

/* No pings: the kernel's keep-alive finds dead peers without waking anybody. */
static const lws_retry_bo_t no_validity_checks = { 0 };

/* --- connections --- */

static struct web_connection *connection_of(const struct connection *connection)
{
	return list_entry(connection, struct web_connection, connection);
}

static void connection_handle_want_write(struct connection *connection)
{
	struct web_connection *self = connection_of(connection);

	if (!self->closed)
		lws_callback_on_writable(self->wsi);
}

static void connection_handle_close(
	struct connection *connection, unsigned code, const char *why)
{
	struct web_connection *self = connection_of(connection);

	if (self->closing)
		return;
	self->closing = true;
	self->close_code = code;
	snprintf(self->close_why, sizeof(self->close_why), "%s", why);
	lws_set_timeout(self->wsi, PENDING_TIMEOUT_USER_REASON_BASE, CLOSE_SECONDS);
	lws_callback_on_writable(self->wsi);
}

static bool connection_handle_loses_packets(const struct connection *connection)
{
	return probe_is_lossy(&connection_of(connection)->probe, clock_now());
}

static unsigned connection_handle_count_lost(const struct connection *connection)
{
	return probe_count_lost(&connection_of(connection)->probe);
}

static const struct connection_impl connection_impl = {
	.want_write = connection_handle_want_write,
	.close = connection_handle_close,
	.loses_packets = connection_handle_loses_packets,
	.count_lost = connection_handle_count_lost,
};

/* Ends it at the next turn, without a word. */
static void kill_connection(struct web_connection *self)
{
	self->closing = true;
	lws_set_timeout(self->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
}

static struct admission *admission(struct web *self)
{
	return self->listener ? listener_admission(self->listener) : NULL;
}

static void leave_admission(struct web_connection *self)
{
	if (admission(self->web))
		admission_leave(admission(self->web), &self->visitor);
}

static void set_stage(struct web_connection *self, enum visitor_stage stage)
{
	self->visitor.stage = stage;
	self->visitor.deadline = USEC_NEVER;
	if (self->web->listener)
		listener_arm(self->web->listener);
}

static void stop_if_empty(struct web *self)
{
	if (self->stopping && list_empty(&self->connections))
		self->stopped = true;
}

static void connection_destroy(struct web_connection *self)
{
	if (!self)
		return;
	client_destroy(TAKE_PTR(self->client));
	probe_finish(&self->probe);
	leave_admission(self);
	list_remove(&self->link);
	stop_if_empty(self->web);
	strbuf_finish(&self->message);
	free(self);
}

static bool is_connected(const struct web *self, const struct web_connection *wanted)
{
	const struct web_connection *connection;

	list_for_each(connection, &self->connections, link) {
		if (connection == wanted)
			return true;
	}
	return false;
}

static void handle_newcomer(void *data, const struct newcomer *newcomer)
{
	struct web *self = data;
	struct web_connection *connection = mem_new(struct web_connection);
	lws_adopt_desc_t adopt = {
		.vh = self->vhost,
		.type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP,
		.fd.sockfd = newcomer->fd,
		.opaque = connection,
	};

	if (!connection) {
		fd_close(newcomer->fd);
		return;
	}
	*connection = (struct web_connection){
		.connection.impl = &connection_impl,
		.web = self,
	};
	snprintf(connection->connection.source, sizeof(connection->connection.source), "%s",
		newcomer->address);
	list_append(&self->connections, &connection->link);
	admission_enter(admission(self), &connection->visitor, newcomer->source, clock_now());
	connection->visitor.stage = VISITOR_ASKING;
	connection->visitor.deadline = newcomer->deadline;
	if (lws_adopt_descriptor_vhost_via_info(&adopt))
		return;
	/* The descriptor is closed. WSI_DESTROY freed the connection, if it came so far. */
	if (is_connected(self, connection))
		connection_destroy(connection);
}

static void handle_drop(void *data, struct visitor *visitor)
{
	struct web_connection *connection = list_entry(visitor, struct web_connection, visitor);

	(void)data;
	leave_admission(connection);
	kill_connection(connection);
}

static int handle_request(struct web_connection *self, const char *path, size_t n)
{
	set_stage(self, VISITOR_IDLE);
	return request_answer(self->wsi, self->web->names, path, n) ? -1 : 0;
}

/* --- WebSocket --- */

static void handle_probe(void *data)
{
	struct web_connection *self = data;

	self->must_probe = true;
	connection_want_write(&self->connection);
}

/* A pong that nobody asked for, which is allowed and means nothing: RFC 6455, 5.5.3. */
static int send_probe(struct web_connection *self)
{
	unsigned char buffer[LWS_PRE];

	if (!self->must_probe)
		return 0;
	self->must_probe = false;
	return lws_write(self->wsi, buffer + LWS_PRE, 0, LWS_WRITE_PONG) < 0 ? -1 : 0;
}

static int handle_established(struct web_connection *self)
{
	set_stage(self, VISITOR_UPGRADED);
	probe_init(&self->probe, self->web->host->event, lws_get_socket_fd(self->wsi), handle_probe,
		self);
	self->client = client_create(self->web->host, &self->connection);
	return self->client ? 0 : -1;
}

/* Sends one message, the most urgent; then, when it is to end and nothing is left, ends it. */
static int handle_writable(struct web_connection *self)
{
	const uint8_t *message;
	size_t n;

	if (self->closed || !self->client)
		return -1;
	if (client_produce(self->client, &message, &n)) {
		int sent = lws_write(self->wsi, (unsigned char *)message, n, LWS_WRITE_BINARY);

		if (sent < (int)n)
			return -1;
		probe_sent(&self->probe);
		self->must_probe = false;
		/* A client that has more says so itself. */
		if (self->closing)
			lws_callback_on_writable(self->wsi);
		return 0;
	}
	if (!self->closing)
		return send_probe(self);
	self->closed = true;
	lws_close_reason(self->wsi, (enum lws_close_status)self->close_code,
		(unsigned char *)self->close_why, strlen(self->close_why));
	return -1;
}

static void refuse_message(struct web_connection *self, unsigned code, const char *why)
{
	connection_close(&self->connection, code, why);
}

static size_t message_max(const struct web_connection *self)
{
	return client_is_signed_in(self->client) ? MESSAGE_MAX : MESSAGE_MAX_STRANGER;
}

static void handle_message_part(struct web_connection *self, const char *part, size_t n)
{
	bool last = lws_is_final_fragment(self->wsi);
	size_t left = lws_remaining_packet_payload(self->wsi);

	if (!lws_frame_is_binary(self->wsi)) {
		refuse_message(self, CLIENT_CLOSE_PROTOCOL, "only binary messages");
		return;
	}
	if (self->message.length + n + left > message_max(self)) {
		refuse_message(self, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "message too long");
		return;
	}
	if (last && !self->message.length) {
		client_handle_message(self->client, (const uint8_t *)part, n);
		return;
	}
	strbuf_append(&self->message, part, n);
	if (self->message.failed) {
		kill_connection(self);
	} else if (last) {
		client_handle_message(self->client, (const uint8_t *)self->message.text,
			self->message.length);
		if (self->message.length)
			sodium_memzero(self->message.text, self->message.length);
		strbuf_finish(&self->message);
	}
}

static int handle_received(struct web_connection *self, char *part, size_t n)
{
	bool stranger;

	if (self->closing || !self->client)
		return 0;
	stranger = !client_is_signed_in(self->client);
	handle_message_part(self, part, n);
	/* What a stranger sends is a PIN or a token. */
	if (stranger && n)
		sodium_memzero(part, n);
	return 0;
}

/* --- libwebsockets --- */

static int handle_lws(
	struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t n)
{
	struct web_connection *connection;

	(void)user;
	/* The descriptor of our own loop, and what concerns no connection, has none. */
	switch (reason) {
	case LWS_CALLBACK_HTTP:
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
	case LWS_CALLBACK_ESTABLISHED:
	case LWS_CALLBACK_RECEIVE:
	case LWS_CALLBACK_SERVER_WRITEABLE:
	case LWS_CALLBACK_CLOSED:
	case LWS_CALLBACK_RAW_ADOPT:
	case LWS_CALLBACK_RAW_RX:
	case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
	case LWS_CALLBACK_WSI_DESTROY:
		connection = lws_get_opaque_user_data(wsi);
		break;
	default:
		return 0;
	}
	if (!connection)
		return 0;
	switch (reason) {
	case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
		connection->wsi = wsi;
		return 0;
	case LWS_CALLBACK_HTTP:
		return handle_request(connection, in, n);
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return request_check_upgrade(wsi, connection->web->names, in) ? 0 : -1;
	case LWS_CALLBACK_ESTABLISHED:
		return handle_established(connection);
	case LWS_CALLBACK_RECEIVE:
		return handle_received(connection, in, n);
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return handle_writable(connection);
	case LWS_CALLBACK_RAW_ADOPT:
	case LWS_CALLBACK_RAW_RX:
		return -1; /* what CONNECT leads to */
	case LWS_CALLBACK_CLOSED:
		connection->closed = true;
		probe_finish(&connection->probe);
		client_destroy(TAKE_PTR(connection->client));
		return 0;
	case LWS_CALLBACK_WSI_DESTROY:
		connection->closed = true;
		connection_destroy(connection);
		return 0;
	default:
		return 0;
	}
}

static void handle_lws_log(int level, const char *line)
{
	(void)level;
	log_debug("libwebsockets: %s", line);
}

static int create_context(struct web *self)
{
	const struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.protocols = protocols,
		.headers = &answer_headers,
		.gid = (gid_t)-1,
		.uid = (uid_t)-1,
		.max_http_header_data = HEADER_MAX_BYTES,
		.max_http_header_pool = ADMISSION_MAX + 1,
		.timeout_secs = HEADER_SECONDS,
		.timeout_secs_ah_idle = HEADER_SECONDS,
		.keepalive_timeout = KEEPALIVE_SECONDS,
		.retry_and_idle_policy = &no_validity_checks,
		.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
	};

	lws_set_log_level(LLL_ERR | LLL_WARN | LLL_NOTICE, handle_lws_log);
	self->context = lws_create_context(&info);
	if (!self->context)
		return -ENOMEM;
	self->vhost = lws_create_vhost(self->context, &info);
	return self->vhost ? 0 : -ENOMEM;
}

/* What HTTP answers never does: see answer.c. */
static int waits_for_room(void *data, int fd)
{
	const struct web *self = data;
	const struct web_connection *connection;

	list_for_each(connection, &self->connections, link) {
		if (connection->client && lws_get_socket_fd(connection->wsi) == fd)
			return lws_partial_buffered(connection->wsi) != 0;
	}
	return -1;
}

/* libwebsockets closes what it adopted, so it gets a descriptor of its own. */
static int adopt_loop(struct web *self)
{
	lws_sock_file_fd_type fd = {
		.filefd = fcntl(sd_event_get_fd(self->host->event), F_DUPFD_CLOEXEC, 0),
	};

	if (fd.filefd < 0)
		return -errno;
	if (!lws_adopt_descriptor_vhost(
		    self->vhost, LWS_ADOPT_RAW_FILE_DESC, fd, protocols[0].name, NULL)) {
		fd_close(fd.filefd);
		return -ENOMEM;
	}
	self->hang_up = (struct hang_up){ fd.filefd, waits_for_room, self };
	hang_up_watch(&self->hang_up);
	return 0;
}

/* --- running --- */

static int handle_stop_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct web *self = userdata;

	(void)source;
	(void)usec;
	self->stopped = true;
	return 0;
}

/*
 * Dispatches what is pending in our loop. Returns 0 when nothing is left and
 * its timers are armed, 1 when libwebsockets should have a turn meanwhile.
 */
static int take_turn(sd_event *event)
{
	usec_t begun = clock_now();

	for (unsigned i = 0; i < TURN_MAX && clock_now() - begun < TURN_USEC; i++) {
		int r = sd_event_prepare(event);

		if (r == 0)
			r = sd_event_wait(event, 0);
		if (r > 0)
			r = sd_event_dispatch(event);
		else
			return r;
		if (r < 0)
			return r;
	}
	return 1;
}

int web_run(struct web *self)
{
	while (!self->stopped) {
		int r = take_turn(self->host->event);

		if (r < 0)
			return r;
		if (self->stopped)
			break;
		/* 0 waits until something happens, whatever is documented; < 0 does not wait. */
		if (lws_service(self->context, r ? -1 : 0) < 0)
			return -EIO;
	}
	return 0;
}

void web_stop(struct web *self)
{
	struct web_connection *connection, *safe;

	if (self->stopping)
		return;
	self->stopping = true;
	list_for_each(connection, &self->connections, link)
		leave_admission(connection);
	listener_destroy(TAKE_PTR(self->listener));
	list_for_each_safe(connection, safe, &self->connections, link) {
		if (connection->client)
			connection_close(
				&connection->connection, CLIENT_CLOSE_GOING_AWAY, "host ends");
		else
			kill_connection(connection);
	}
	stop_if_empty(self);
	if (sd_event_add_time_relative(self->host->event, &self->stop_timer, CLOCK_MONOTONIC,
		    STOP_USEC, 0, handle_stop_timer, self)
		< 0)
		self->stopped = true;
}

void web_handle_viewers_changed(struct web *self)
{
	struct web_connection *connection;

	list_for_each(connection, &self->connections, link) {
		if (connection->client && client_is_signed_in(connection->client))
			leave_admission(connection);
	}
}

int web_create(struct web **ret, struct host *host, const int *listen_fds, size_t n_listen_fds,
	const struct origin_names *names)
{
	static const struct listener_events listener_events = {
		.handle_newcomer = handle_newcomer,
		.drop = handle_drop,
	};
	struct web *self = mem_new(struct web);
	int r;

	if (!self)
		return -ENOMEM;
	*self = (struct web){ .host = host, .names = names };
	list_init(&self->connections);
	r = create_context(self);
	if (r >= 0)
		r = adopt_loop(self);
	if (r >= 0)
		r = listener_create(&self->listener, host->event, listen_fds, n_listen_fds,
			&listener_events, self);
	if (r < 0) {
		web_destroy(self);
		return r;
	}
	*ret = self;
	return 0;
}

void web_destroy(struct web *self)
{
	if (!self)
		return;
	web_stop(self);
	hang_up_watch(NULL);
	if (self->context)
		lws_context_destroy(self->context);
	sd_event_source_disable_unref(self->stop_timer);
	free(self);
}
