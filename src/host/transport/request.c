/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/transport/request.h"

#include <strings.h>

#include "base/str.h"
#include "host/assets/assets.h"
#include "host/transport/answer.h"

/* A header's value; "" when it is missing, false when it is too long. */
static bool copy_header(struct lws *wsi, enum lws_token_indexes name, char *value, size_t size)
{
	value[0] = '\0';
	return lws_hdr_total_length(wsi, name) == 0
		|| lws_hdr_copy(wsi, value, (int)size, name) >= 0;
}

static bool has_our_host(
	struct lws *wsi, const struct origin_names *names, char *host, size_t size)
{
	return copy_header(wsi, WSI_TOKEN_HOST, host, size) && origin_host_is_ours(host, names);
}

static int refuse_host(struct lws *wsi)
{
	return answer_with_error(wsi, HTTP_STATUS_FORBIDDEN,
		"This name is not one of this host's: see \"names\" in afar.conf(5).\n");
}

int request_answer(
	struct lws *wsi, const struct origin_names *names, const char *path, size_t n)
{
	bool head = lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI) > 0;
	bool get = lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) > 0;
	const struct asset *asset;
	char host[256];

	if (!has_our_host(wsi, names, host, sizeof(host)))
		return refuse_host(wsi);
	if (!get && !head)
		return answer_with_error(
			wsi, HTTP_STATUS_METHOD_NOT_ALLOWED, "Only GET and HEAD.\n");
	asset = asset_find(path, n);
	if (!asset)
		return answer_with_error(wsi, HTTP_STATUS_NOT_FOUND, "Not found.\n");
	return answer_with_asset(wsi, asset, head);
}

static bool has_same_origin(struct lws *wsi, const char *host)
{
	char origin[300];

	return copy_header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof(origin))
		&& origin_is_same(origin, host);
}

static bool is_to_the_stream(struct lws *wsi, const char *to)
{
	char path[sizeof(REQUEST_STREAM_PATH) + 1];

	return strcasecmp(to, "websocket") == 0
		&& copy_header(wsi, WSI_TOKEN_GET_URI, path, sizeof(path))
		&& str_equal(path, REQUEST_STREAM_PATH);
}

static bool speaks_our_protocol(struct lws *wsi)
{
	char protocol[sizeof(REQUEST_STREAM_PROTOCOL) + 1];

	return copy_header(wsi, WSI_TOKEN_PROTOCOL, protocol, sizeof(protocol))
		&& str_equal(protocol, REQUEST_STREAM_PROTOCOL);
}

bool request_check_upgrade(struct lws *wsi, const struct origin_names *names, const char *to)
{
	char host[256];

	if (!has_our_host(wsi, names, host, sizeof(host)))
		refuse_host(wsi);
	else if (!has_same_origin(wsi, host))
		answer_with_error(
			wsi, HTTP_STATUS_FORBIDDEN, "Only this host's own page may connect.\n");
	else if (!is_to_the_stream(wsi, to))
		answer_with_error(wsi, HTTP_STATUS_NOT_FOUND, "Not found.\n");
	else if (!speaks_our_protocol(wsi))
		answer_with_error(wsi, HTTP_STATUS_BAD_REQUEST,
			"This host speaks the sub-protocol " REQUEST_STREAM_PROTOCOL ".\n");
	else
		return true;
	return false;
}
