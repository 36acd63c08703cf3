/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Where a desktop's sound is: a private directory below XDG_RUNTIME_DIR with the sockets of
 * PipeWire and of its PulseAudio side, their configuration, and the fifo that everything comes
 * out of. Others know the names: AUDIO-1, AUDIO-2, AUDIO-4.
 */

#include <stddef.h>

struct flavour;
struct paths;

#define PLACE_PATH_MAX 128 /* a socket's path is shorter: AUDIO-2 */
#define PLACE_SUFFIX_SIZE 11

struct place {
	char directory[PLACE_PATH_MAX];
	char instance[PLACE_PATH_MAX]; /* PipeWire's name: its socket, below XDG_RUNTIME_DIR */
	char socket[PLACE_PATH_MAX];   /* PipeWire's */
	char pulse_socket[PLACE_PATH_MAX]; /* of PulseAudio's protocol */
	char fifo[PLACE_PATH_MAX];         /* s16le, 48 kHz, two channels; made by the sink */
};

/* The first 10 characters of base64url(sha256(@host_id)). */
void place_suffix(const char *host_id, char ret[PLACE_SUFFIX_SIZE]);

/**
 * place_init() - find the names; makes nothing
 * @host_id:  NULL: there is none
 *
 * Returns 0, -ENAMETOOLONG (a socket there could not be connected to) or -EINVAL (the name
 * needs a host_id).
 */
int place_init(struct place *self, const struct flavour *flavour, const struct paths *paths,
	const char *host_id);

/* Makes the directory, 0700 and empty. Returns 0 or negative errno. */
int place_make(const struct place *self);

/* Writes the file @name in it. Lost in a crash like all the directory: it is not synced. */
int place_write(const struct place *self, const char *name, const char *bytes, size_t n);

/* Binds and listens: whoever connects waits until somebody accepts. Returns the fd or -errno.
 */
int place_listen(const char *socket_path);

void place_remove(const struct place *self);
