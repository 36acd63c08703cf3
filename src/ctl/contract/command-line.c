/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/contract/command-line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

const char command_line_help[] =
	"\n"
	"Keeps a virtual desktop running that Chrome Remote Desktop connects to.\n"
	"\n"
	"Options:\n"
	"  -h, --help                  show this\n"
	"  -s WxH, --size WxH          size of the screen; again for others to choose from\n"
	"  -f, --foreground            with --start: stay in the foreground\n"
	"      --start                 start the desktop\n"
	"  -k, --stop                  end it\n"
	"      --get-status            print STARTED, STOPPED or NOT_IMPLEMENTED\n"
	"      --check-running         exit with 0 when it runs, else with 1\n"
	"      --config FILE           use this configuration\n"
	"      --reload                make the running desktop read its configuration again\n"
	"      --enable-and-start      set it up for your account, and start it\n"
	"      --add-user-as-root USER add USER to the group chrome-remote-desktop, as root\n"
	"\n"
	"A desktop is best set up at https://remotedesktop.google.com/headless, which tells what to\n"
	"run here; chrome-remote-desktop(1) has the rest.\n";

struct option {
	const char *name; /* with its dashes */
	char letter;	  /* 0: none */
	unsigned n_values;
};

static const struct option options[OPTION_N] = {
	[OPTION_SIZE] = { "--size", 's', 1 },
	[OPTION_FOREGROUND] = { "--foreground", 'f', 0 },
	[OPTION_START] = { "--start", 0, 0 },
	[OPTION_STOP] = { "--stop", 'k', 0 },
	[OPTION_GET_STATUS] = { "--get-status", 0, 0 },
	[OPTION_CHECK_RUNNING] = { "--check-running", 0, 0 },
	[OPTION_CONFIG] = { "--config", 0, 1 },
	[OPTION_RELOAD] = { "--reload", 0, 0 },
	[OPTION_ENABLE_AND_START] = { "--enable-and-start", 0, 0 },
	[OPTION_ADD_USER_AS_ROOT] = { "--add-user-as-root", 0, 1 },
	[OPTION_HELP] = { "--help", 'h', 0 },
	[OPTION_CHILD_PROCESS] = { "--child-process", 0, 0 },
	[OPTION_NEW_SESSION] = { "--new-session", 0, 0 },
	[OPTION_WATCH_RESOLUTION] = { "--watch-resolution", 0, 2 },
};

/* argparse's: what a word looks like before anybody has consumed it. */
enum look {
	LOOK_OPTION,
	LOOK_SEPARATOR,
	LOOK_VALUE,
};

struct seen {
	enum look look;
	int option;	      /* of LOOK_OPTION: its number, or WORD_UNKNOWN */
	const char *attached; /* the value in the same word; NULL: none */
};

struct parser {
	struct command_line *line;
	unsigned known; /* a bit for each option that counts; the others are unknown ones */
	struct seen *seen;
	size_t at;
	bool had_x_options; /* only one run of words can be that */
	struct strbuf extras;
	char **why;
};

static bool is_known(const struct parser *self, int option)
{
	return self->known & (1U << option);
}

static int find_letter(const struct parser *self, char letter)
{
	for (int i = 0; i < OPTION_N; i++) {
		if (letter && options[i].letter == letter && is_known(self, i))
			return i;
	}
	return WORD_UNKNOWN;
}

static bool is_number(const char *text)
{
	size_t n = strspn(++text, "0123456789");

	if (text[n] == '.')
		return text[n + 1] && strspn(text + n + 1, "0123456789") == strlen(text + n + 1);
	return n && !text[n];
}

/* Long options by an unambiguous beginning. */
static int look_at_long(struct parser *self, const char *word, struct seen *ret)
{
	size_t n = strcspn(word, "=");
	CLEANUP(strbuf) struct strbuf matches = { 0 };
	unsigned n_matches = 0;

	for (int i = 0; i < OPTION_N; i++) {
		if (!is_known(self, i) || strncmp(options[i].name, word, n) != 0)
			continue;
		ret->option = i;
		if (options[i].name[n] == '\0') {
			n_matches = 1;
			break;
		}
		strbuf_printf(&matches, "%s%s", n_matches++ ? ", " : "", options[i].name);
	}
	if (n_matches > 1) {
		*self->why = xprintf("ambiguous option: %s could match %s", word, matches.text);
		return -EINVAL;
	}
	if (n_matches)
		ret->attached = word[n] == '=' ? word + n + 1 : NULL;
	return 0;
}

static int look_at(struct parser *self, const char *word, struct seen *ret)
{
	*ret = (struct seen){ .look = LOOK_VALUE, .option = WORD_UNKNOWN };
	if (word[0] != '-' || !word[1])
		return 0;
	if (word[1] == '-') {
		int r = look_at_long(self, word, ret);

		if (r < 0)
			return r;
	} else {
		ret->option = find_letter(self, word[1]);
		if (ret->option != WORD_UNKNOWN && word[2])
			ret->attached = word + 2 + (word[2] == '=');
	}
	if (ret->option == WORD_UNKNOWN && (is_number(word) || strchr(word, ' ')))
		return 0;
	ret->look = LOOK_OPTION;
	return 0;
}

static int look_at_all(struct parser *self)
{
	const struct command_line *line = self->line;
	bool behind = false;

	for (size_t i = 0; i < line->n_words; i++) {
		const char *word = line->words[i].text;
		int r = 0;

		if (behind)
			self->seen[i] = (struct seen){ .look = LOOK_VALUE };
		else if (str_equal(word, "--"))
			self->seen[i] = (struct seen){ .look = LOOK_SEPARATOR };
		else
			r = look_at(self, word, &self->seen[i]);
		behind |= self->seen[i].look == LOOK_SEPARATOR;
		if (r < 0)
			return r;
	}
	return 0;
}

static void keep_extra(struct parser *self, size_t i)
{
	struct command_line_word *word = &self->line->words[i];

	word->kind = WORD_UNKNOWN;
	strbuf_printf(&self->extras, "%s%s", self->extras.length ? " " : "", word->text);
}

static int complain(struct parser *self, int option, const char *what, const char *value)
{
	const struct option *o = &options[option];
	const char letter[] = { '-', o->letter, '/', '\0' };

	*self->why = xprintf("argument %s%s: %s%s%s%s", o->letter ? letter : "", o->name, what,
		value ? " '" : "", value ? value : "", value ? "'" : "");
	return -EINVAL;
}

static int complain_of_number(struct parser *self, int option)
{
	unsigned n = options[option].n_values;

	return complain(self, option, n == 1 ? "expected one argument" : "expected 2 arguments",
		NULL);
}

static int to_integer(struct parser *self, int option, const char *text, long *ret)
{
	char *end;

	errno = 0;
	*ret = strtol(text, &end, 10);
	if (errno || end == text || *end || strchr(" \t\n\v\f\r", text[0]))
		return complain(self, option, "invalid int value:", text);
	return 0;
}

static int take_values(struct parser *self, int option, const char *const *values)
{
	struct command_line *line = self->line;
	int r = 0;

	line->given[option] = true;
	switch (option) {
	case OPTION_SIZE:
		line->sizes[line->n_sizes++] = values[0];
		break;
	case OPTION_CONFIG:
		line->config = values[0];
		break;
	case OPTION_ADD_USER_AS_ROOT:
		line->add_user_as_root = values[0];
		break;
	case OPTION_WATCH_RESOLUTION:
		for (int i = 0; i < 2 && r == 0; i++)
			r = to_integer(self, option, values[i], &line->watch_px[i]);
		break;
	}
	return r;
}

/*
 * Letters in one word: -fk, -fs800x600. The first stands in @seen; on return the last, with what
 * is attached to it.
 */
static int take_letters(struct parser *self, struct seen *seen)
{
	const char *word = self->line->words[self->at].text;
	bool is_letter = word[1] != '-';

	while (seen->attached && options[seen->option].n_values == 0) {
		int next = is_letter ? find_letter(self, seen->attached[0]) : WORD_UNKNOWN;

		if (next == WORD_UNKNOWN)
			return complain(self, seen->option, "ignored explicit argument",
				seen->attached);
		take_values(self, seen->option, NULL);
		seen->option = next;
		seen->attached = seen->attached[1] ? seen->attached + 1 : NULL;
	}
	return 0;
}

static int take_option(struct parser *self)
{
	struct command_line *line = self->line;
	struct seen seen = self->seen[self->at];
	const char *values[2] = { NULL };
	size_t first = self->at, n = 0;
	int r;

	if (seen.option == WORD_UNKNOWN) {
		keep_extra(self, self->at++);
		return 0;
	}
	r = take_letters(self, &seen);
	if (r < 0)
		return r;
	self->at++;
	if (seen.attached) {
		values[n++] = seen.attached;
	} else {
		while (n < options[seen.option].n_values && self->at < line->n_words
			&& self->seen[self->at].look == LOOK_VALUE)
			values[n++] = line->words[self->at++].text;
	}
	if (n < options[seen.option].n_values)
		return complain_of_number(self, seen.option);
	for (size_t i = first; i < self->at; i++)
		line->words[i].kind = seen.option;
	return take_values(self, seen.option, values);
}

/* A run of words that are no options and nobody's values: the X server's, but only the first. */
static void take_run(struct parser *self)
{
	struct command_line *line = self->line;
	bool had_separator = false;

	for (; self->at < line->n_words && self->seen[self->at].look != LOOK_OPTION; self->at++) {
		struct command_line_word *word = &line->words[self->at];

		if (self->had_x_options) {
			keep_extra(self, self->at);
		} else if (self->seen[self->at].look == LOOK_SEPARATOR && !had_separator) {
			word->kind = WORD_SEPARATOR;
			had_separator = true;
		} else {
			word->kind = WORD_X_OPTION;
			line->x_options[line->n_x_options++] = word->text;
		}
	}
	self->had_x_options = true;
}

static int parse(struct parser *self)
{
	struct command_line *line = self->line;
	int r = look_at_all(self);

	while (r == 0 && self->at < line->n_words && !line->given[OPTION_HELP]) {
		if (self->seen[self->at].look == LOOK_OPTION)
			r = take_option(self);
		else
			take_run(self);
	}
	return r;
}

static int read_words(struct command_line *self, unsigned known, size_t n,
	const char *const *arguments, struct strbuf *extras, char **ret_why)
{
	struct parser parser = { .line = self, .known = known, .why = ret_why };
	int r;

	*self = (struct command_line){
		.words = xalloc(n + 1, sizeof(*self->words)),
		.n_words = n,
		.sizes = xalloc(n + 1, sizeof(*self->sizes)),
		.x_options = xalloc(n + 1, sizeof(*self->x_options)),
	};
	for (size_t i = 0; i < n; i++)
		self->words[i] = (struct command_line_word){ xstrdup(arguments[i]), WORD_UNKNOWN };
	parser.seen = xalloc(n + 1, sizeof(*parser.seen));
	r = parse(&parser);
	free(parser.seen);
	*extras = parser.extras;
	return r;
}

int command_line_parse(struct command_line *self, size_t n, const char *const *arguments,
	char **ret_why)
{
	CLEANUP(strbuf) struct strbuf extras = { 0 };
	int r = read_words(self, ~0U, n, arguments, &extras, ret_why);

	if (r == 0 && extras.length && !self->given[OPTION_HELP]) {
		*ret_why = xprintf("unrecognized arguments: %s", extras.text);
		r = -EINVAL;
	}
	if (r < 0)
		command_line_finish(self);
	return r;
}

char *command_line_find_config(size_t n, const char *const *arguments)
{
	CLEANUP(command_line) struct command_line line = { 0 };
	CLEANUP(strbuf) struct strbuf extras = { 0 };
	CLEANUP(free) char *why = NULL;
	int r = read_words(&line, 1U << OPTION_CONFIG, n, arguments, &extras, &why);

	return r == 0 && line.config ? xstrdup(line.config) : NULL;
}

void command_line_finish(struct command_line *self)
{
	for (size_t i = 0; i < self->n_words; i++)
		free(self->words[i].text);
	free(self->words);
	free(self->sizes);
	free(self->x_options);
	*self = (struct command_line){ 0 };
}

void command_line_replace(
	struct command_line *self, enum command_line_option from, enum command_line_option to)
{
	for (size_t i = 0; i < self->n_words; i++) {
		struct command_line_word *word = &self->words[i];

		if (word->kind != (int)from)
			continue;
		free(word->text);
		*word = (struct command_line_word){ xstrdup(options[to].name), (int)to };
	}
}

void command_line_drop(struct command_line *self, enum command_line_option option)
{
	size_t n = 0;

	for (size_t i = 0; i < self->n_words; i++) {
		if (self->words[i].kind == (int)option)
			free(self->words[i].text);
		else
			self->words[n++] = self->words[i];
	}
	self->n_words = n;
}

/* Takes @text. */
static void insert(struct command_line *self, size_t at, char *text, int kind)
{
	struct command_line_word *words
		= mem_resize(self->words, self->n_words + 1, sizeof(*words));

	if (!words)
		abort();
	memmove(words + at + 1, words + at, (self->n_words - at) * sizeof(*words));
	words[at] = (struct command_line_word){ .text = text, .kind = kind };
	self->words = words;
	self->n_words++;
}

void command_line_put(
	struct command_line *self, enum command_line_option option, const char *value)
{
	insert(self, 0,
		value ? xprintf("%s=%s", options[option].name, value)
		      : xstrdup(options[option].name),
		(int)option);
}

/* Only what stands behind the last option can be followed by a "--". */
static void move_x_options_back(struct command_line *self)
{
	size_t n = self->n_words;

	for (size_t i = 0; n--;) {
		struct command_line_word word = self->words[i];

		if (word.kind != WORD_X_OPTION && word.kind != WORD_SEPARATOR) {
			i++;
			continue;
		}
		memmove(self->words + i, self->words + i + 1,
			(self->n_words - i - 1) * sizeof(word));
		if (word.kind == WORD_SEPARATOR) {
			free(word.text);
			self->n_words--;
		} else {
			self->words[self->n_words - 1] = word;
		}
	}
}

void command_line_join(struct command_line *self, const struct command_line *saved)
{
	size_t n_options = 0;

	if (saved->config && !self->config)
		command_line_put(self, OPTION_CONFIG, saved->config);
	move_x_options_back(self);
	while (n_options < self->n_words && self->words[n_options].kind != WORD_X_OPTION)
		n_options++;
	for (size_t i = 0; i < saved->n_sizes; i++)
		insert(self, n_options++, xprintf("--size=%s", saved->sizes[i]), OPTION_SIZE);
	for (size_t i = 0; i < saved->n_x_options; i++)
		insert(self, self->n_words, xstrdup(saved->x_options[i]), WORD_X_OPTION);
	if (self->n_words > n_options)
		insert(self, n_options, xstrdup("--"), WORD_SEPARATOR);
}

const char **command_line_print(const struct command_line *self, size_t *ret_n)
{
	const char **list = xalloc(self->n_words + 1, sizeof(*list));

	for (size_t i = 0; i < self->n_words; i++)
		list[i] = self->words[i].text;
	*ret_n = self->n_words;
	return list;
}
