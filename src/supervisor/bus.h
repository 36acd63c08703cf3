/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * A D-Bus session bus, when the user has none: dbus-daemon(1) with a socket
 * in our runtime directory, always the same: while it is being started again
 * its clients find nobody there, and do not start one of their own, that
 * nobody would end. It prints its address when it is ready. Without
 * dbus-daemon the session runs without a bus (D-8).
 */

#include <jansson.h>
#include <stddef.h>
#include <sys/types.h>

struct bus;
struct supervisor;

int bus_create(struct bus **ret, struct supervisor *supervisor);
void bus_destroy(struct bus *self);

int bus_start(struct supervisor *supervisor, char *text, size_t size);
void bus_stop(struct supervisor *supervisor);
pid_t bus_pid(const struct supervisor *supervisor);
json_t *bus_save(const struct supervisor *supervisor);
void bus_adopt(struct supervisor *supervisor, const json_t *from);

/* What DBUS_SESSION_BUS_ADDRESS has to be; NULL: leave it as it is. */
const char *bus_address(const struct bus *self);
