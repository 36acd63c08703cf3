/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* HTTP answers, each written whole, with the headers that guard the page. */

#include <libwebsockets.h>
#include <stdbool.h>

struct asset;

/* On every answer, those of libwebsockets' own included: for lws_context_creation_info. */
extern const struct lws_protocol_vhost_options answer_headers;

/*
 * Both return 0 when the connection may ask again, 1 when it has to be
 * closed: an answer to what should not have been asked closes it.
 */

/* @head: of a HEAD request, so no body. */
int answer_with_asset(struct lws *wsi, const struct asset *asset, bool head);

/* One line that says what is wrong. @line: ends in a newline. */
int answer_with_error(struct lws *wsi, unsigned status, const char *line);
