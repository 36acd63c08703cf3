/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The pre-session script of the system: it runs before anything else of a desktop and must end
 * with status 0 within 30 s; anything else is a failure of the session (PRE-1, PRE-2, N-2). A
 * machine without one has nothing to run.
 */

#include <jansson.h>
#include <stddef.h>
#include <sys/types.h>

struct pre_session;
struct supervisor;

int pre_session_create(struct pre_session **ret, struct supervisor *supervisor);
void pre_session_destroy(struct pre_session *self);

int pre_session_start(struct supervisor *supervisor, char *text, size_t size);
void pre_session_stop(struct supervisor *supervisor);
pid_t pre_session_pid(const struct supervisor *supervisor);
void pre_session_adopt(struct supervisor *supervisor, const json_t *from);
