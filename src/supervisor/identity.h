/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * This machine's identity, host.json: read, or made when there is none. The
 * keys and hashes are made by `afar-host --make-identity`, since the
 * libraries for that would cost the daemon more memory than all the rest. Used
 * at start and by `afar pin --new`; it waits for that program.
 */

#include <jansson.h>

#include "base/paths.h"

/* A PIN in digits, with its NUL. */
#define IDENTITY_PIN_SIZE 16

/**
 * identity_load() - read host.json, or make it
 * @ret_pin: the PIN if it has just been made, else ""
 *
 * Of two that make it at the same time one wins, and both return the same. A file that is broken,
 * not ours, or writable by others is refused (CFG-06, D-32).
 *
 * Returns 0 and a new reference, or negative errno and @ret_why (allocated; left alone when there
 * is no memory for it).
 */
int identity_load(const struct paths *paths, const char *program_dir, json_t **ret,
	char ret_pin[IDENTITY_PIN_SIZE], char **ret_why);

/* Only reads it; -ENOENT when there is none. */
int identity_read(const struct paths *paths, json_t **ret, char **ret_why);

/*
 * Replaces the PIN, keeping all else; of several at once each takes its turn (CFG-05), -EBUSY when
 * that does not come. The PIN that is there afterwards is the one that was returned last.
 */
int identity_renew_pin(const struct paths *paths, const char *program_dir,
	char ret_pin[IDENTITY_PIN_SIZE], char **ret_why);
