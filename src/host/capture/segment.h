/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Memory that an X server writes captured pixels into: a memfd that it maps
 * through MIT-SHM's AttachFd, read-only on our side. No System V segments:
 * those outlive a killed process.
 */

#include <stddef.h>
#include <stdint.h>
#include <xcb/shm.h>
#include <xcb/xcb.h>

struct segment {
	const uint32_t *pixels;
	size_t size; /* bytes; 0: there is none */
	xcb_shm_seg_t id;
};

/**
 * segment_init() - make and map it, and have the server attach it
 * @ret_attach:  to be checked by the caller: the server may refuse
 *
 * Memory is used up only where it is written. Returns 0 or negative errno.
 */
int segment_init(struct segment *self, xcb_connection_t *connection, size_t size,
	xcb_void_cookie_t *ret_attach);

/* @connection: NULL when it is dead. Safe on a zeroed segment. */
void segment_finish(struct segment *self, xcb_connection_t *connection);
