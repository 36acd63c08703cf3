/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What the host takes from the configuration that it reads on its standard
 * input (wire/host-config.h says what that is): its name, and what the
 * supervisor may change while it runs.
 */

#include <jansson.h>
#include <stddef.h>

#include "wire/settings.h"

/* Of the "afar" object. */
struct host_settings {
	char *pin_hash; /* Argon2id, as libsodium writes it; NULL: no PIN */
	char *names[SETTINGS_N_NAMES]; /* Host headers that are ours, without ports */
	size_t n_names;
};

struct host_input {
	char *host_name;
	struct host_settings settings;
};

/**
 * host_input_parse() - read a whole configuration
 * @ret_why: on -EBADMSG what is wrong with it, a literal
 *
 * host_id, host_name and private_key must be there (KEY-3). Returns 0, -EBADMSG or -ENOMEM.
 */
int host_input_parse(const char *text, size_t n, struct host_input *ret, const char **ret_why);

/* Reads an "afar" object. Returns 0, -EBADMSG or -ENOMEM. */
int host_settings_parse(const json_t *afar, struct host_settings *ret, const char **ret_why);

/* A copy of its own. -ENOMEM. */
int host_settings_copy(const struct host_settings *self, struct host_settings *ret);

void host_settings_finish(struct host_settings *self);
void host_input_finish(struct host_input *self);
