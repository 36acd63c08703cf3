/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The configuration of PipeWire, its PulseAudio side and the session manager, made of templates
 * (AUDIO-6, PWT-1..4). A template that lies beside the command that was called comes before
 * ours.
 */

#include "supervisor/audio/probe.h"

struct place;
struct supervisor;

/* Writes all that @manager wants. Returns 0 or negative errno. */
int configuration_write(const struct supervisor *supervisor, const struct place *place,
	enum probe_manager manager);
