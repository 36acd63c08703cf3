/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* One question to a running daemon over its control socket (wire/control.h), and its answer. */

#include <jansson.h>
#include <stdbool.h>

#include "ctl/instance.h"
#include "wire/control.h"

/* Does a daemon listen on this control socket, for some seconds more at least? */
bool call_is_possible(const char *socket);

/**
 * call_daemon() - ask and wait, a few seconds at most
 * @request:  asked again when the supervisor was replaced before it answered
 * @ret_body: a new reference: the body of its answer
 *
 * Returns 0, or negative errno with @ret_why (allocated), a line for the user.
 */
int call_daemon(const struct instance *instance, const struct control_message *request,
	json_t **ret_body, char **ret_why);
