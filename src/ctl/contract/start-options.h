/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What `--start` was told, on its way through systemd, which passes nothing
 * on: CONFIG_DIR/start-options, a JSON list of arguments. `--start
 * --new-session`, which the unit runs, reads it. START-4, D-19.
 */

#include "base/paths.h"
#include "ctl/contract/command-line.h"

/**
 * start_options_save() - keep --size, --config and the X server's options
 * @config: canonical path, kept instead of what --config says
 *
 * Without any of them the file is removed. Returns 0 or negative errno.
 */
int start_options_save(
	const struct paths *paths, const struct command_line *line, const char *config);

/**
 * start_options_join() - lay what was saved under this command line's own
 *
 * A file that others may have written, that is too large or no such list is not used; the log says
 * so. Without a file nothing happens.
 */
void start_options_join(const struct paths *paths, struct command_line *line);
