/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What becomes of an HTTP request: first its Host (and Origin) are checked,
 * then it gets one of the embedded files, an error, or its upgrade to the
 * stream of docs/protocol.md.
 */

#include <libwebsockets.h>
#include <stdbool.h>
#include <stddef.h>

#include "host/access/origin.h"

#define REQUEST_STREAM_PATH "/ws"
#define REQUEST_STREAM_PROTOCOL "afar.2"

/* Returns 0 when the connection may ask again, 1 when it has to be closed. */
int request_answer(
	struct lws *wsi, const struct origin_names *names, const char *path, size_t n);

/*
 * @to: what the upgrade is to. When it may not be, an answer was given and the connection has
 * to be closed.
 */
bool request_check_upgrade(struct lws *wsi, const struct origin_names *names, const char *to);
