/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Makes what identifies a host and lets its user in: the commands
 * `afar-host --make-identity` and `--new-pin`, which the daemon runs so that
 * it needs no crypto library itself.
 *
 * Keys made: host_id (UUID v4), host_name, private_key (KEY-2: base64 of
 * PKCS#8 DER, RSA 2048), pin_hash (Argon2id, 16 MiB), pin_set_at. All other
 * keys, and the order, stay as they are.
 */

#include <jansson.h>
#include <stdbool.h>

struct identity_options {
	bool make;		/* make the keys that are missing */
	bool new_pin;		/* make a PIN even if there is one */
	const char *host_name;	/* for a host_name that is missing; NULL: the machine's */
};

#define IDENTITY_PIN_SIZE 9 /* eight digits and a NUL */

/**
 * identity_make() - complete @config in place
 * @config: an object, maybe empty
 * @pin:    a PIN that was made, else ""; the caller wipes it
 *
 * Returns 0, -EBADMSG (a key has a wrong kind) or another negative errno.
 */
int identity_make(json_t *config, const struct identity_options *options,
	char pin[IDENTITY_PIN_SIZE]);

/* Standard input to standard output, as the commands do it; returns the exit status (HOST-8). */
int identity_run(const struct identity_options *options);
