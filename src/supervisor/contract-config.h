/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The host configuration under the contract: made by the vendor's tools, named by --config, handed
 * to the host as it is. CFG-1..6, KEY-1.
 */

#include <jansson.h>
#include <stdbool.h>

/**
 * contract_config_load() - read it
 *
 * Of two equal keys the last counts, as in the vendor's reader. Returns 0 and a new reference to
 * an object, or negative errno and @ret_why (allocated; left alone when there is no memory for it),
 * without the file's name.
 */
int contract_config_load(const char *path, json_t **ret, char **ret_why);

/* Does it have what a host needs? (CFG-3, CFG-4) */
bool contract_config_is_valid(const json_t *config);

/* START-10. */
bool contract_config_wants_crash_reports(const json_t *config);

/* The host is deleted: an empty object in its place, saved atomically (CFG-6). */
int contract_config_clear(const char *path);
