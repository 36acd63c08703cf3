/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The control socket, RUNTIME_DIR/control: what `afar` asks a running daemon
 * (wire/control.h, CONTROL_GET_STATUS and after). Only the same user and root
 * are listened to (SO_PEERCRED, unix(7)); the directory is 0700 besides.
 */

struct commands;
struct supervisor;

/* Returns 0 or negative errno. */
int commands_create(struct commands **ret, struct supervisor *supervisor);

/* Closes and removes the socket. Takes NULL. */
void commands_destroy(struct commands *self);
