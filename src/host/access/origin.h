/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * May this request talk to us at all? Pure checks of the Host and Origin
 * headers, made before anything else is looked at (docs/protocol.md).
 *
 * The Host list stops a rebound DNS name, whose requests carry an Origin
 * that equals their Host; the Origin check stops other pages. Neither needs
 * to know the port: behind `ssh -L` it is any.
 */

#include <stdbool.h>
#include <stddef.h>

/* Host names that the user configured, besides 127.0.0.1, [::1] and localhost. */
struct origin_names {
	char *const *names; /* without ports; borrowed */
	size_t n;
};

/* Is @host, a Host header's value, one of ours, with any port or none? */
bool origin_host_is_ours(const char *host, const struct origin_names *names);

/* Is @origin, an Origin header's value, the page that @host served over plain HTTP? */
bool origin_is_same(const char *origin, const char *host);
