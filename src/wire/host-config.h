/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The host configuration: a JSON object whose unknown keys and key order are
 * kept (CFG-1), and the form in which the host gets it on stdin (CFG-7), with
 * an object "afar" of the settings that concern it:
 *
 *	"afar": {"listen": ["127.0.0.1:2327"], "names": [], "pin_hash": "$argon2id$…",
 *		 "sizes": [[1920, 1080]], "limits": {}}
 */

#include <jansson.h>
#include <stddef.h>

#include "wire/settings.h"

#define HOST_CONFIG_MAX (1024 * 1024) /* bytes, of the file */

/**
 * host_config_parse() - read host.json's text
 * @why:  on failure, what is wrong: "line 3: '}' expected"
 *
 * Returns 0 and a new reference to an object, -EBADMSG or -ENOMEM.
 */
int host_config_parse(const char *text, size_t n, json_t **ret, char why[SETTINGS_WHY_MAX]);

/* What is wrong with a text, by its place alone: what stands there may be a secret. */
void host_config_describe(const json_error_t *error, char why[SETTINGS_WHY_MAX]);

/* The text to save, with a newline at its end; -ENOMEM. The caller frees it. */
int host_config_text(const json_t *config, char **ret, size_t *ret_n);

/* Is there all that our host needs? NULL, or the name of the first key that is not. */
const char *host_config_missing(const json_t *config);

/* What the host reads. @listen: "127.0.0.1:2327" … -ENOMEM. The caller wipes and frees it. */
int host_config_for_host(const json_t *config, const struct settings *settings,
	const char *const *listen, size_t n_listen, char **ret, size_t *ret_n);

/* What the vendor's host reads: the configuration as it is, on one line (CFG-7). As above. */
int host_config_plain(const json_t *config, char **ret, size_t *ret_n);

/* The "afar" object alone, for CONTROL_SETTINGS: a new reference, NULL when out of memory. */
json_t *host_config_settings(const json_t *config, const struct settings *settings,
	const char *const *listen, size_t n_listen);
