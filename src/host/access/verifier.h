/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Checks a PIN against its Argon2id hash in a worker thread, one at a time:
 * a check takes up to 100 ms and 16 MiB, and the main thread must not wait.
 */

#include <stdbool.h>
#include <systemd/sd-event.h>

#define VERIFIER_PIN_MAX 64

struct verifier;

/* From the loop. */
typedef void (*verifier_done_fn)(void *data, bool ok);

/* Returns 0 or negative errno. */
int verifier_create(
	struct verifier **ret, sd_event *event, verifier_done_fn done, void *data);

bool verifier_is_busy(const struct verifier *self);

/* Starts a check; it must not be busy. Both texts are copied, and wiped afterwards. */
void verifier_start(struct verifier *self, const char *hash, const char *pin);

/* Waits for a check that runs; its result is not told. Takes NULL. */
void verifier_destroy(struct verifier *self);
