/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * afar-chooser: asks which desktop session is to run, and becomes it. See afar-chooser(1).
 */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/flavour.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/paths.h"
#include "base/proc.h"
#include "base/spawn.h"
#include "base/str.h"
#include "base/trusted.h"
#include "chooser/launch.h"
#include "chooser/remember.h"
#include "chooser/sessions.h"
#include "chooser/window.h"
#include "version.h"

#define EXIT_USAGE 2

enum option_id {
	OPTION_HELP = 'h',
	OPTION_FIRST = 256,
	OPTION_VERSION,
	OPTION_ASK,
	OPTION_FORGET,
	OPTION_LIST,
	OPTION_START,
	OPTION_WRAPPER,
	OPTION_FLAVOUR,
};

static const struct option long_options[] = {
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "ask", no_argument, NULL, OPTION_ASK },
	{ "forget", no_argument, NULL, OPTION_FORGET },
	{ "list", no_argument, NULL, OPTION_LIST },
	{ "start", required_argument, NULL, OPTION_START },
	{ "wrapper", required_argument, NULL, OPTION_WRAPPER },
	{ "flavour", required_argument, NULL, OPTION_FLAVOUR },
	{ 0 },
};

static const char usage[] =
	"Usage: afar-chooser [--ask] [--wrapper=PROGRAM]\n"
	"       afar-chooser --list | --forget | --start=COMMAND\n"
	"\n"
	"Asks which desktop session is to run, and starts it; see afar-chooser(1).\n"
	"\n"
	"  --ask              ask even if a session is remembered\n"
	"  --wrapper=PROGRAM  start the session through this program; empty: through none\n"
	"  --list             print the sessions: id, name and description, one a line\n"
	"  --forget           forget the remembered session\n"
	"  --start=COMMAND    start this, as an Exec key has it, through no program\n"
	"  --help, --version\n";

struct chooser {
	const struct flavour *flavour;
	bool ask;
	bool forget;
	bool list;
	const char *start;   /* NULL: none */
	const char *wrapper; /* NULL: the usual one; "": none */

	struct spawn_env env; /* as we were started with */
	struct sessions sessions;
	char *choice_file; /* NULL: nothing is remembered */
};

/* A session of the contract's daemon, unless it is one of ours. */
static const struct flavour *flavour_by_session(void)
{
	return !str_empty(getenv(flavour_contract.session_mark))
				&& !getenv(flavour_afar.session_mark)
			? &flavour_contract
			: &flavour_afar;
}

static int refuse(const char *what, const char *why)
{
	fprintf(stderr, "afar-chooser: %s: %s (see --help)\n", what, why);
	return EXIT_USAGE;
}

/* 0, or an exit status. */
static int parse_option(struct chooser *self, int id, char **argv)
{
	switch (id) {
	case OPTION_ASK:
		self->ask = true;
		return 0;
	case OPTION_FORGET:
		self->forget = true;
		return 0;
	case OPTION_LIST:
		self->list = true;
		return 0;
	case OPTION_START:
		self->start = optarg;
		return optarg[0] ? 0 : refuse("--start", "a command is missing");
	case OPTION_WRAPPER:
		self->wrapper = optarg;
		return 0;
	case OPTION_FLAVOUR:
		self->flavour = flavour_by_name(optarg);
		return self->flavour ? 0 : refuse("--flavour", "unknown");
	default:
		return refuse(argv[optind - 1], "no such option, or its value is missing");
	}
}

/* -1: go on; else an exit status. */
static int parse_command_line(struct chooser *self, int argc, char **argv)
{
	int id;

	opterr = 0;
	while ((id = getopt_long(argc, argv, "h", long_options, NULL)) >= 0) {
		int status;

		if (id == OPTION_HELP) {
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		}
		if (id == OPTION_VERSION) {
			printf("afar-chooser %s (%s)\n", AFAR_VERSION, AFAR_COMMIT);
			return EXIT_SUCCESS;
		}
		status = parse_option(self, id, argv);
		if (status)
			return status;
	}
	return optind < argc ? refuse(argv[optind], "no arguments are taken") : -1;
}

/* Without a home nothing is remembered; it is not worth failing for. */
static void find_choice_file(struct chooser *self)
{
	CLEANUP(free) char *why = NULL;
	struct paths paths;

	if (self->flavour->chooses_by_dialog)
		return;
	if (paths_init(&paths, self->flavour, NULL, &why) < 0) {
		log_warning("no choice is remembered: %s", why);
		return;
	}
	self->choice_file = xprintf("%s/session-choice", paths.config_dir);
	paths_finish(&paths);
}

/* NULL: there is none, or it is not installed any more. */
static const struct sessions_entry *find_remembered(const struct chooser *self)
{
	CLEANUP(free) char *id = NULL;
	const struct sessions_entry *entry;
	int r;

	if (!self->choice_file)
		return NULL;
	r = remember_load(self->choice_file, &id);
	if (r < 0) {
		if (r != -ENOENT)
			log_warning("%s is ignored: %s", self->choice_file,
				r == -EBADMSG ? "it names no session" : trusted_why(r));
		return NULL;
	}
	entry = sessions_find(&self->sessions, id);
	if (!entry)
		log_info("the remembered session %s is not here any more", id);
	return entry;
}

static void remember(const struct chooser *self, const struct window_answer *answer, bool was)
{
	int r = 0;

	if (!self->choice_file)
		return;
	if (answer->always)
		r = remember_save(self->choice_file, answer->entry->id);
	else if (was)
		r = remember_forget(self->choice_file);
	if (r < 0)
		log_warning(
			"cannot remember the choice in %s: %s", self->choice_file, strerror(-r));
}

/* NULL: nothing was chosen. */
static const struct sessions_entry *choose(const struct chooser *self)
{
	const struct sessions_entry *remembered = find_remembered(self);
	struct window_question question = {
		.sessions = &self->sessions,
		.selected = remembered ? remembered->id : NULL,
		.may_remember = self->choice_file != NULL,
		.remembered = remembered != NULL,
	};
	struct window_answer answer;

	if (remembered && !self->ask)
		return remembered;
	if (!window_init()) {
		const char *display = getenv("DISPLAY");

		log_error("cannot ask for a session: no display at \"%s\"",
			display ? display : "");
		return NULL;
	}
	if (window_ask(&question, &answer) < 0) {
		log_info("no session was chosen");
		return NULL;
	}
	remember(self, &answer, remembered != NULL);
	return answer.entry;
}

/* Returns on failure only, with an exit status. */
static int start(struct chooser *self, const struct sessions_entry *entry, const char *wrapper)
{
	struct launch launch;
	int r = launch_init(&launch, &self->sessions, entry, wrapper);

	if (r == -ENOENT) {
		log_error("there is no session to start: install a desktop such as xfce4");
		return EXIT_FAILURE;
	}
	if (r < 0) {
		log_error("%s cannot be started: its command is not valid: %s", entry->name,
			entry->exec);
		return EXIT_FAILURE;
	}
	log_info("starting %s: %s", entry->name, entry->exec);
	r = launch_exec(&launch, &self->env);
	log_error("%s cannot be started: %s", launch.argv[0], strerror(-r));
	launch_finish(&launch);
	return EXIT_FAILURE;
}

static int start_choice(struct chooser *self)
{
	CLEANUP(free) char *here = proc_program_dir();
	CLEANUP(free) char *usual = launch_find_wrapper(self->flavour, here ? here : ".");
	const struct sessions_entry *entry = choose(self);
	const char *wrapper = self->wrapper ? self->wrapper : usual;
	int status;

	if (!entry)
		return EXIT_FAILURE;
	status = start(self, entry, str_empty(wrapper) ? NULL : wrapper);
	/* It would fail for ever, and nobody would be asked. */
	if (self->choice_file)
		remember_forget(self->choice_file);
	return status;
}

static int start_command(struct chooser *self)
{
	const struct sessions_entry entry = {
		.name = (char *)self->start,
		.exec = (char *)self->start,
	};

	return start(self, &entry, NULL);
}

static int list(const struct chooser *self)
{
	for (size_t i = 0; i < self->sessions.n; i++) {
		const struct sessions_entry *entry = &self->sessions.entries[i];

		printf("%s\t%s\t%s\n", entry->id, entry->name, entry->comment);
	}
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int forget(const struct chooser *self)
{
	int r = self->choice_file ? remember_forget(self->choice_file) : 0;

	if (r < 0)
		log_error("cannot remove %s: %s", self->choice_file, strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run(struct chooser *self)
{
	char **directories = sessions_directories(getenv("XDG_DATA_DIRS"));

	sessions_load(&self->sessions, (const char *const *)directories);
	sessions_free_directories(directories);
	if (self->list)
		return list(self);
	if (self->start)
		return start_command(self);
	find_choice_file(self);
	return self->forget ? forget(self) : start_choice(self);
}

int main(int argc, char **argv)
{
	struct chooser chooser = { .flavour = flavour_by_session() };
	int status;

	log_init("chooser");
	status = parse_command_line(&chooser, argc, argv);
	if (status >= 0)
		return status;
	setlocale(LC_ALL, "");
	if (spawn_env_init(&chooser.env, environ) < 0) {
		log_error("out of memory");
		return EXIT_FAILURE;
	}
	status = run(&chooser);
	free(chooser.choice_file);
	sessions_finish(&chooser.sessions);
	spawn_env_finish(&chooser.env);
	return status;
}
