/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Processes that a daemon which died has left: known by their user and their exact arguments, or
 * as the caller knows them. They are asked to end, and killed 10 s later (AUDIO-8). By pidfd, so
 * that no other process is ever hit, and without waiting.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#define STALE_MAX 64 /* processes at a time */

struct stale;

/* None is left. */
typedef void (*stale_gone_fn)(void *data);

/**
 * stale_end() - look for them, and end them
 * @argvs:  @n_argvs argument lists, each NULL-terminated
 * @ret:    NULL when there are none; then @gone is not called
 *
 * Returns 0 or negative errno.
 */
int stale_end(struct stale **ret, sd_event *event, const char *const *const *argvs,
	size_t n_argvs, stale_gone_fn gone, void *data);

/* Is it one of those? Asked again once its pid cannot be another's any more. */
typedef bool (*stale_matches_fn)(const void *data, pid_t pid);

/* The same for processes of any kind, of this user's. */
int stale_end_if(struct stale **ret, sd_event *event, stale_matches_fn matches,
	const void *matches_data, stale_gone_fn gone, void *data);

/* Forgets them. Not from within @gone. */
void stale_destroy(struct stale *self);
