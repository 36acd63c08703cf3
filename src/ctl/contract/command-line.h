/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The command line of the vendor's script: CLI-1, CLI-2. Its rules are those
 * of Python's argparse, on which that is built and on whose quirks its callers
 * may rely: options anywhere, unambiguous beginnings of long ones, -sVALUE,
 * --opt=value, and whatever follows "--" is for the X server.
 *
 * What was read can be edited and given out again as an argument list, for it
 * travels on: through a login shell, user-session, and systemd. Pure: nothing
 * is opened, printed or looked up.
 */

#include <stdbool.h>
#include <stddef.h>

enum command_line_option {
	OPTION_SIZE,
	OPTION_FOREGROUND,
	OPTION_START,
	OPTION_STOP,
	OPTION_GET_STATUS,
	OPTION_CHECK_RUNNING,
	OPTION_CONFIG,
	OPTION_RELOAD,
	OPTION_ENABLE_AND_START,
	OPTION_ADD_USER_AS_ROOT,
	OPTION_HELP,
	OPTION_CHILD_PROCESS,
	OPTION_NEW_SESSION,
	OPTION_WATCH_RESOLUTION,
	OPTION_N,

	/* What else a word can be. */
	WORD_SEPARATOR = OPTION_N, /* the first "--" */
	WORD_X_OPTION,
	WORD_UNKNOWN,
};

struct command_line_word {
	char *text;
	int kind; /* whose it is, as option or as its value: above */
};

struct command_line {
	struct command_line_word *words; /* argv without the first */
	size_t n_words;
	bool given[OPTION_N];

	/* Borrowed from the words, in their order. */
	const char **sizes; /* as they stand: nobody has looked at them */
	size_t n_sizes;
	const char **x_options;
	size_t n_x_options;
	const char *config;	     /* the last one; NULL: not given */
	const char *add_user_as_root; /* the same */
	long watch_px[2];	     /* width and height of --watch-resolution */
};

/**
 * command_line_parse() - read an argument list
 * @n, @arguments: without the program's name
 * @ret_why:       on -EINVAL what is wrong, for behind "error: " (allocated)
 *
 * With --help reading stops there: words and values behind it are not looked at. On failure @self
 * is empty and needs no finish.
 */
int command_line_parse(struct command_line *self, size_t n, const char *const *arguments,
	char **ret_why);

void command_line_finish(struct command_line *self);

static inline void cleanup_command_line(struct command_line *self)
{
	command_line_finish(self);
}

/*
 * The edits. They change the words alone; command_line_print() gives them out, and reading that
 * again gives the values.
 */

/* Takes an option with its values away. */
void command_line_drop(struct command_line *self, enum command_line_option option);
/* Puts another in its place; neither has a value. */
void command_line_replace(
	struct command_line *self, enum command_line_option from, enum command_line_option to);
/* Puts an option, with its value or none (NULL), before all others. */
void command_line_put(
	struct command_line *self, enum command_line_option option, const char *value);
/**
 * command_line_join() - lay what was saved of another one under this
 *
 * Takes over its --size, its --config unless this has one, and its X server options.
 */
void command_line_join(struct command_line *self, const struct command_line *saved);

/* The words, as an argument list without the program's name; NULL behind the last. Borrowed texts. */
const char **command_line_print(const struct command_line *self, size_t *ret_n);

/**
 * command_line_find_config() - --config in the argument list of a running original
 * @n, @arguments: behind the script's path
 *
 * Whatever else is there is skipped. Allocated; NULL when it has none, or no value for it. INST-3.
 */
char *command_line_find_config(size_t n, const char *const *arguments);

/* What --help prints below the usage line. */
extern const char command_line_help[];
