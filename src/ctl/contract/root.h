/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Having a command run by root: by pkexec(1) on a desktop, which asks in a
 * window, else by sudo(8), which asks on the terminal. ROOT-1, D-19.
 */

/**
 * root_run() - ask for the right, run, wait
 * @argv: the command, with its whole path or to be found by root; NULL-terminated
 *
 * With DISPLAY set pkexec is asked. Where it is not installed, or cannot ask (a DISPLAY that only
 * ssh forwards) while there is a terminal, sudo is. Root without sudo needs neither. Returns the
 * exit status as run_program(), or RUN_NOT_FOUND after an error in the log.
 */
int root_run(const char *const *argv);
