/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The desktop session: which one, its process, and when it is ready. SESS-1..3.
 *
 * The command is the first there is of: the option or setting, the user's
 * file, the system's file, the distribution's x-session-manager, our own
 * small session. A file that is executable is run, another is read by sh(1).
 *
 * Ready is when a window manager has announced itself; a session without one
 * is ready with its first window, or when it has lived for a while.
 */

#include <jansson.h>
#include <stddef.h>
#include <sys/types.h>

struct session;
struct supervisor;

int session_create(struct session **ret, struct supervisor *supervisor);
void session_destroy(struct session *self);

int session_start(struct supervisor *supervisor, char *text, size_t size);
void session_stop(struct supervisor *supervisor);
pid_t session_pid(const struct supervisor *supervisor);
json_t *session_save(const struct supervisor *supervisor);
void session_adopt(struct supervisor *supervisor, const json_t *from);

/* What runs, for people: "openbox …"; "" before the first start. */
const char *session_text(const struct session *self);
