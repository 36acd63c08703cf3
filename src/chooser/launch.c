/* SPDX-License-Identifier: BSD-3-Clause */
#include "chooser/launch.h"

#include <errno.h>
#include <glib.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

#define SYSTEM_WRAPPER "/etc/X11/Xsession"
#define SESSION_MANAGER "x-session-manager"

char *launch_find_wrapper(const struct flavour *flavour, const char *directory)
{
	if (flavour->chooses_by_dialog)
		return xprintf("%s/Xsession", directory);
	return access(SYSTEM_WRAPPER, X_OK) == 0 ? xstrdup(SYSTEM_WRAPPER) : NULL;
}

/* An Exec key on its way to arguments. */
struct split {
	const char *at;
	const char *name; /* borrowed; NULL: none */
	struct strbuf word;
	bool in_word; /* "" is a word too; a code that stands for nothing is none */
	char **argv;
	size_t n;
};

static void add_text(struct split *self, const char *text, size_t n)
{
	strbuf_append(&self->word, text, n);
	self->in_word = true;
}

static void end_word(struct split *self)
{
	if (!self->in_word)
		return;
	self->argv[self->n++] = xstrdup(self->word.text ? self->word.text : "");
	strbuf_finish(&self->word);
	self->word = (struct strbuf){ 0 };
	self->in_word = false;
}

/* At the letter behind '%'. */
static int take_code(struct split *self)
{
	char code = *self->at;

	if (code == '%')
		add_text(self, "%", 1);
	else if (code == 'c' && self->name)
		add_text(self, self->name, strlen(self->name));
	else if (!code || !strchr("cfFuUdDnNickvm", code))
		return -EINVAL;
	self->at++;
	return 0;
}

/* Behind the opening quote. In '…', which the specification lacks, nothing is special. */
static int take_quoted(struct split *self, char quote)
{
	self->in_word = true;
	for (; *self->at && *self->at != quote; self->at++) {
		if (quote == '"' && *self->at == '\\' && self->at[1]
			&& strchr("\"`$\\", self->at[1]))
			self->at++;
		add_text(self, self->at, 1);
	}
	if (!*self->at)
		return -EINVAL;
	self->at++;
	return 0;
}

static int take_one(struct split *self)
{
	char c = *self->at++;

	switch (c) {
	case ' ':
	case '\t':
	case '\n':
		end_word(self);
		return 0;
	case '"':
	case '\'':
		return take_quoted(self, c);
	case '%':
		return take_code(self);
	case '\\':
		if (!*self->at)
			return -EINVAL;
		add_text(self, self->at++, 1);
		return 0;
	default:
		add_text(self, &c, 1);
		return 0;
	}
}

int launch_split(const char *exec, const char *name, char ***ret_argv)
{
	struct split split = {
		.at = exec,
		.name = name,
		/* A word and what parts it from the next are two bytes at least. */
		.argv = xalloc(strlen(exec) / 2 + 2, sizeof(char *)),
	};
	int r = 0;

	while (r == 0 && *split.at)
		r = take_one(&split);
	end_word(&split);
	if (r == 0 && (!split.n || !split.argv[0][0]))
		r = -EINVAL;
	if (r < 0) {
		launch_free_argv(split.argv);
		return r;
	}
	*ret_argv = split.argv;
	return 0;
}

void launch_free_argv(char **argv)
{
	if (!argv)
		return;
	for (char **arg = argv; *arg; arg++)
		free(*arg);
	free(argv);
}

static bool is_installed(const char *program)
{
	g_autofree char *found = g_find_program_in_path(program);

	return found != NULL;
}

static char **make_argv(const char *first, const char *second)
{
	char **argv = xalloc(3, sizeof(*argv));

	argv[0] = xstrdup(first);
	argv[1] = second ? xstrdup(second) : NULL;
	return argv;
}

static int init_default(struct launch *self, const struct sessions *sessions)
{
	if (is_installed(SESSION_MANAGER)) {
		*self = (struct launch){ .argv = make_argv(SESSION_MANAGER, NULL) };
		return 0;
	}
	for (size_t i = 1; i < sessions->n; i++) {
		const struct sessions_entry *entry = &sessions->entries[i];
		char **argv;

		if (launch_split(entry->exec, entry->name, &argv) < 0)
			continue;
		if (is_installed(argv[0])) {
			*self = (struct launch){
				.argv = argv,
				.desktop_names = entry->desktop_names,
			};
			return 0;
		}
		launch_free_argv(argv);
	}
	return -ENOENT;
}

int launch_init(struct launch *self, const struct sessions *sessions,
	const struct sessions_entry *entry, const char *wrapper)
{
	char **argv;
	int r;

	if (!wrapper && str_equal(entry->exec, SESSIONS_DEFAULT))
		return init_default(self, sessions);
	if (wrapper) {
		argv = make_argv(wrapper, entry->exec);
	} else {
		r = launch_split(entry->exec, entry->name, &argv);
		if (r < 0)
			return r;
	}
	*self = (struct launch){ .argv = argv, .desktop_names = entry->desktop_names };
	return 0;
}

int launch_exec(const struct launch *self, struct spawn_env *env)
{
	int r;

	if (self->desktop_names) {
		r = spawn_env_set(env, "XDG_CURRENT_DESKTOP", self->desktop_names);
		if (r < 0)
			return r;
	}
	/* GLib's sockets make the whole process ignore it, and exec would hand that on. */
	signal(SIGPIPE, SIG_DFL);
	/* A kernel without the flag: what GTK has open is close-on-exec by itself. */
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	execvpe(self->argv[0], self->argv, env->vars);
	return -errno;
}

void launch_finish(struct launch *self)
{
	launch_free_argv(self->argv);
	*self = (struct launch){ 0 };
}
