/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Sound without PipeWire: the configuration of a PulseAudio that the session's programs start
 * by themselves, with the same sink and the same fifo (AUDIO-10).
 */

struct place;

/* Writes it. Returns 0 or negative errno. */
int fallback_write(const struct place *place, const char *sink);
