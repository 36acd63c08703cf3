/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Can PipeWire be used here, and with which session manager? Asks the programs for their
 * versions, once and without waiting; what speaks against it is logged (AUDIO-5, N-7).
 */

#include <stdbool.h>
#include <systemd/sd-event.h>

enum probe_manager {
	PROBE_WIREPLUMBER, /* before 0.5: a configuration file of its own, -c (PWT-3) */
	PROBE_WIREPLUMBER_PROFILES, /* from 0.5 on: a profile in a fragment, --profile (N-7) */
	PROBE_MEDIA_SESSION,        /* pipewire-media-session (PWT-4) */
};

struct probe_result {
	bool usable;
	enum probe_manager manager; /* when usable */
};

struct probe;

/* Called once, from the loop. */
typedef void (*probe_done_fn)(void *data, const struct probe_result *result);

/**
 * probe_create() - start asking
 * @ret_known:  true: @ret_result is the answer already, @ret is NULL and @done is not called
 *
 * Returns 0 or negative errno.
 */
int probe_create(struct probe **ret, sd_event *event, probe_done_fn done, void *data,
	bool *ret_known, struct probe_result *ret_result);

/* Not from within the call of @done. */
void probe_destroy(struct probe *self);
