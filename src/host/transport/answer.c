/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/transport/answer.h"

#include <linux/sockios.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "host/assets/assets.h"

#define HEAD_MAX 2048

/* A pvo is a link of a list: the last one comes first here. */
#define HEADER(previous_, name_, value_)                                                       \
	{                                                                                      \
		.next = previous_, .name = name_, .value = value_                              \
	}

static const struct lws_protocol_vhost_options cache_control =
	HEADER(NULL, "cache-control:", "no-store");
static const struct lws_protocol_vhost_options resource_policy =
	HEADER(&cache_control, "cross-origin-resource-policy:", "same-origin");
static const struct lws_protocol_vhost_options opener_policy =
	HEADER(&resource_policy, "cross-origin-opener-policy:", "same-origin");
static const struct lws_protocol_vhost_options referrer_policy =
	HEADER(&opener_policy, "referrer-policy:", "no-referrer");
static const struct lws_protocol_vhost_options content_type_options =
	HEADER(&referrer_policy, "x-content-type-options:", "nosniff");
/*
 * Cursors are set by style, from data: URLs. The hash is that of index.html's
 * script, and the worker has WebAssembly.
 */
const struct lws_protocol_vhost_options answer_headers = HEADER(&content_type_options,
	"content-security-policy:",
	"default-src 'none'; "
	"script-src 'self' 'wasm-unsafe-eval' 'sha256-Hv7LdQW3ld+aHLWnq38mTLzAFqauhYeYpHgUrDgMrkc='; "
	"worker-src 'self'; style-src 'self'; "
	"img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
	"frame-ancestors 'none'");

struct content {
	unsigned status;
	const char *type;
	const char *encoding; /* NULL: as it is */
	const void *body;
	size_t length;
	bool head; /* its length is told, but not sent */
	bool close;
};

/* 0, or 1 when it does not fit. */
static int add(struct lws *wsi, enum lws_token_indexes name, const char *value,
	unsigned char **at, unsigned char *end)
{
	return lws_add_http_header_by_token(
		wsi, name, (const unsigned char *)value, (int)strlen(value), at, end);
}

static int add_head(
	struct lws *wsi, const struct content *content, unsigned char **at, unsigned char *end)
{
	char length[24];

	snprintf(length, sizeof(length), "%zu", content->length);
	if (lws_add_http_header_status(wsi, content->status, at, end)
		|| add(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE, content->type, at, end)
		|| add(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, length, at, end))
		return 1;
	if (content->encoding
		&& add(wsi, WSI_TOKEN_HTTP_CONTENT_ENCODING, content->encoding, at, end))
		return 1;
	if (content->status == HTTP_STATUS_OK
		&& add(wsi, WSI_TOKEN_HTTP_VARY, "accept-encoding", at, end))
		return 1;
	if (content->status == HTTP_STATUS_METHOD_NOT_ALLOWED
		&& add(wsi, WSI_TOKEN_HTTP_ALLOW, "GET, HEAD", at, end))
		return 1;
	if (content->close && add(wsi, WSI_TOKEN_CONNECTION, "close", at, end))
		return 1;
	return lws_finalize_http_header(wsi, at, end);
}

/*
 * Until an answer has left, libwebsockets neither reads what the peer sends
 * meanwhile nor stops waiting for it: it spins. (To provoke it: send many
 * requests for a big file and read nothing.) So the kernel has to take each
 * answer whole, and a peer that asks again before it has read is cut off.
 */
static bool has_unread_answer(struct lws *wsi)
{
	int n = 0;

	return ioctl(lws_get_socket_fd(wsi), SIOCOUTQ, &n) == 0 && n > 0;
}

/* @n: all of it; the bookkeeping of the kernel, which doubles what is asked, fits beside it. */
static void make_send_buffer(struct lws *wsi, size_t n)
{
	const int size = (int)n + HEAD_MAX;
	int now = 0;
	socklen_t now_size = sizeof(now);

	if (getsockopt(lws_get_socket_fd(wsi), SOL_SOCKET, SO_SNDBUF, &now, &now_size) == 0
		&& now < 2 * size)
		setsockopt(lws_get_socket_fd(wsi), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

/* Head and body in one write. */
static int send_content(struct lws *wsi, const struct content *content)
{
	size_t n_body = content->head ? 0 : content->length;
	CLEANUP(free) uint8_t *buffer = mem_alloc(LWS_PRE + HEAD_MAX + n_body, 1);
	unsigned char *start, *at;
	size_t n;

	if (!buffer || has_unread_answer(wsi))
		return 1;
	start = at = buffer + LWS_PRE;
	if (add_head(wsi, content, &at, start + HEAD_MAX))
		return 1;
	if (n_body)
		memcpy(at, content->body, n_body);
	n = (size_t)(at - start) + n_body;
	make_send_buffer(wsi, n);
	if (lws_write(wsi, start, n, LWS_WRITE_HTTP) < (int)n || content->close)
		return 1;
	if (lws_partial_buffered(wsi)) {
		lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
		return 0;
	}
	return lws_http_transaction_completed(wsi) != 0;
}

static bool takes_gzip(struct lws *wsi)
{
	char accepted[256];

	return lws_hdr_copy(wsi, accepted, sizeof(accepted), WSI_TOKEN_HTTP_ACCEPT_ENCODING) > 0
	       && strstr(accepted, "gzip");
}

int answer_with_asset(struct lws *wsi, const struct asset *asset, bool head)
{
	struct content content = {
		.status = HTTP_STATUS_OK,
		.type = asset->type,
		.body = asset->bytes,
		.length = asset->length,
		.head = head,
	};

	if (asset->gzip && takes_gzip(wsi)) {
		content.encoding = "gzip";
		content.body = asset->gzip;
		content.length = asset->gzip_length;
	}
	return send_content(wsi, &content);
}

int answer_with_error(struct lws *wsi, unsigned status, const char *line)
{
	const struct content content = {
		.status = status,
		.type = "text/plain; charset=utf-8",
		.body = line,
		.length = strlen(line),
		.close = true,
	};

	return send_content(wsi, &content);
}
