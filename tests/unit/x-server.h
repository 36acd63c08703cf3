/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * A real X server of a test's own: on a number that the server chooses, with
 * a cookie in an authority file, gone when the test is through.
 */

#include <stdbool.h>
#include <sys/types.h>
#include <xcb/xcb.h>

struct x_server {
	pid_t pid;
	char display[16];
	char directory[64];
	char authority[96];
};

/* Xvfb with a screen of this size; fails the test when it does not start. */
void x_server_start(struct x_server *self, unsigned width, unsigned height);

/* Xorg with the dummy driver. False: not installed here. */
bool x_server_start_xorg(struct x_server *self);

/* A connection of the test's own. */
xcb_connection_t *x_server_connect(const struct x_server *self);

/* Kills it at once and waits for its end. */
void x_server_kill(struct x_server *self);

/* Safe after x_server_kill(). */
void x_server_stop(struct x_server *self);
