/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/access/origin.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"

#define SCHEME "http://"

/* The length of the name in NAME[:PORT]; 0 when it is no such thing. */
static size_t name_length(const char *host)
{
	const char *colon = host[0] == '[' ? strchr(host, ']') : host;
	unsigned long port;

	if (!colon)
		return 0;
	colon = strchr(colon, ':');
	if (!colon)
		return strlen(host);
	return str_to_uint(colon + 1, 1, 65535, &port) < 0 ? 0 : (size_t)(colon - host);
}

bool origin_host_is_ours(const char *host, const struct origin_names *names)
{
	/* Nothing is resolved or normalised: 127.1 or localhost. are no names that we gave out. */
	static const char *const always[] = { "127.0.0.1", "[::1]", "localhost" };
	size_t n = name_length(host);

	if (!n)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(always); i++) {
		if (strlen(always[i]) == n && strncasecmp(host, always[i], n) == 0)
			return true;
	}
	for (size_t i = 0; i < names->n; i++) {
		if (strlen(names->names[i]) == n && strncasecmp(host, names->names[i], n) == 0)
			return true;
	}
	return false;
}

bool origin_is_same(const char *origin, const char *host)
{
	return str_starts(origin, SCHEME) && str_equal(origin + strlen(SCHEME), host);
}
