/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The listening sockets. They are bound once, before anything else starts,
 * and every host inherits them: while none runs, connections wait in the
 * kernel, and the port never changes.
 */

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/settings.h"

struct listen_set {
	int fds[SETTINGS_N_LISTEN];
	char names[SETTINGS_N_LISTEN][80]; /* "127.0.0.1:2327", "[::1]:2327" */
	size_t n;
	uint16_t port; /* of the first */
};

/**
 * listen_open() - bind what the settings name
 *
 * By default both loopback addresses on one port, 2327 or the next one that is free on both; a
 * machine without IPv6 has one address. A port that was named and is taken is an error.
 *
 * Returns 0 or negative errno with @ret_why (allocated).
 */
int listen_open(struct listen_set *self, const struct settings *settings, char **ret_why);

struct keeper;

/* Leaves copies of them with the guard. */
void listen_keep(const struct listen_set *self, struct keeper *keeper);

/* Those of a predecessor; @saved: {"port", "names"}. -ENOENT: one is missing, nothing was taken. */
int listen_adopt(struct listen_set *self, struct keeper *keeper, const json_t *saved);

void listen_close(struct listen_set *self);
