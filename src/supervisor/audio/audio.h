/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The sound of a desktop: a PipeWire of its own without any device, its PulseAudio side and a
 * session manager, with one sink that writes into a fifo, from which the host reads. Where
 * PipeWire cannot be used the session's programs start a PulseAudio that does the same. Spec:
 * AUDIO-1..12, PWT-1..4, ENV-6, N-7, D-11.
 *
 * The three processes are one component: when one of them ends the others are ended too. Sound
 * is optional; whatever happens to it holds up nothing else (D-23).
 *
 * Programs can be first: their sockets are bound before a session starts, and passed to the
 * processes as systemd would (sd_listen_fds(3)); connections wait in the kernel while these
 * start or start anew.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/spawn.h"

struct audio;
struct supervisor;

enum audio_part {
	AUDIO_PIPEWIRE,
	AUDIO_PULSE,
	AUDIO_SESSION_MANAGER,
	AUDIO_N_PARTS,
};

/*
 * Also asks the programs for their versions. When the answer is there, and with it the
 * environment, POLICY_IS_SETTLED is sent. Returns 0 or -ENOMEM: sound that cannot be is no
 * error.
 */
int audio_create(struct audio **ret, struct supervisor *supervisor);
/* Removes all files. */
void audio_destroy(struct audio *self);

/* Call when settled, with a session bus at hand. */
int audio_start(struct supervisor *supervisor, char *text, size_t size);
void audio_stop(struct supervisor *supervisor);

/* Of any of the processes, and of one of them; 0: does not run. */
pid_t audio_pid(const struct supervisor *supervisor);
json_t *audio_save(const struct supervisor *supervisor);
void audio_adopt(struct supervisor *supervisor, const json_t *from);
pid_t audio_pid_of(const struct supervisor *supervisor, enum audio_part part);

/* Is the environment of a session known? */
bool audio_is_settled(const struct audio *self);

/* Adds what the session, the host and our own processes need (ENV-6). -ENOMEM. */
int audio_make_env(const struct audio *self, struct spawn_env *env);

/* Where the sound comes out: s16le, 48 kHz, stereo. It may not be there yet. NULL: no sound. */
const char *audio_fifo(const struct audio *self);
