/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/spawn.h"

struct audio;
enum audio_part { AUDIO_PIPEWIRE, AUDIO_PULSE, AUDIO_SESSION_MANAGER };
struct supervisor;

int audio_create(struct audio **ret, struct supervisor *supervisor);
void audio_destroy(struct audio *self);
int audio_start(struct supervisor *supervisor, char *text, size_t size);
void audio_stop(struct supervisor *supervisor);
pid_t audio_pid(const struct supervisor *supervisor);
bool audio_is_settled(const struct audio *self);
int audio_make_env(const struct audio *self, struct spawn_env *env);
pid_t audio_pid_of(const struct supervisor *supervisor, enum audio_part part);
const char *audio_fifo(const struct audio *self);
