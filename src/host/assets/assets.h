/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The web client's files, embedded when the program is built (embed.py), so
 * that no path is ever opened for a request.
 */

#include <stddef.h>
#include <stdint.h>

struct asset {
	const char *path; /* of the URL: "/", "/app.js" */
	const char *type; /* Content-Type */
	const uint8_t *bytes;
	size_t length;
	const uint8_t *gzip; /* the same, compressed; NULL when that is no smaller */
	size_t gzip_length;
};

/* NULL: there is none. */
const struct asset *asset_find(const char *path, size_t n);
