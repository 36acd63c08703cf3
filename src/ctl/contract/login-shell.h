/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Becoming the daemon through the user's login shell, so that the session has
 * the variables of ~/.profile and its like, which systemd knows nothing of.
 * LSH-1..4.
 */

/**
 * login_shell_exec() - execute @argv through $SHELL, or without it
 * @script: what argv[0] names, as an absolute path
 * @argv:   NULL-terminated
 *
 * A shell whose profile prints nothing for us in 15 s, or that is none, is not used; the log says
 * what that means. Returns only when nothing could be executed: negative errno.
 */
int login_shell_exec(const char *script, const char *const *argv);
