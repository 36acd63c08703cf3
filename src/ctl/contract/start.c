/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * --start: by systemd where that runs, else by the setuid wrapper user-session; both open a PAM
 * session and call us again, with --new-session or --child-process. START-1..6, A7.
 */
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/report-fd.h"
#include "base/str.h"
#include "ctl/contract/contract.h"
#include "ctl/contract/group.h"
#include "ctl/contract/login-shell.h"
#include "ctl/contract/original.h"
#include "ctl/contract/root.h"
#include "ctl/contract/run.h"
#include "ctl/contract/start-options.h"
#include "ctl/ctl.h"
#include "ctl/instance.h"
#include "ctl/launch.h"
#include "wire/settings.h"

static bool systemd_runs(void)
{
	struct stat st;

	return stat("/run/systemd/system", &st) == 0 && S_ISDIR(st.st_mode);
}

/* CLI-12, as Python's getpass.getuser(). */
static const char *user_name(void)
{
	static const char *const variables[] = { "LOGNAME", "USER", "LNAME", "USERNAME" };
	const struct passwd *entry;

	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		const char *value = getenv(variables[i]);

		if (!str_empty(value))
			return value;
	}
	entry = getpwuid(getuid());
	return entry ? entry->pw_name : NULL;
}

/* SIZE-2. 0, or the exit status. */
static int check_sizes(const struct contract *self)
{
	char why[SETTINGS_WHY_MAX];
	struct settings_size size;

	if (self->line.n_sizes > SETTINGS_N_SIZES) {
		snprintf(why, sizeof(why), "At most %d sizes are possible", SETTINGS_N_SIZES);
		return contract_usage_error(self, why);
	}
	for (size_t i = 0; i < self->line.n_sizes; i++) {
		if (settings_parse_size(self->line.sizes[i], &size, why) < 0)
			return contract_usage_error(self, why);
	}
	return 0;
}

/* Reads the words again, after edits. */
static void reread(struct contract *self)
{
	CLEANUP(free) char *why = NULL;
	struct command_line line;
	size_t n;
	CLEANUP(free) const char **words = command_line_print(&self->line, &n);

	if (command_line_parse(&line, n, words, &why) < 0)
		return; /* not after edits of ours; the old values stay good */
	command_line_finish(&self->line);
	self->line = line;
}

/*
 * START-2: whoever comes after us gets the canonical path, whatever directory he is in. (The
 * original also executes itself anew, to be found by it in the list of processes; we have the lock.)
 */
static void make_config_canonical(struct contract *self)
{
	if (self->line.config && str_equal(self->line.config, self->config.path))
		return;
	command_line_drop(&self->line, OPTION_CONFIG);
	command_line_put(&self->line, OPTION_CONFIG, self->config.path);
	reread(self);
}

/* For the log, and for whoever waits at the message pipe (MSG-1). */
static void tell(enum log_level level, const char *text)
{
	log_write(level, "%s", text);
	if (fd_is_open(REPORT_FD))
		report_fd_send(REPORT_FD, REPORT_MESSAGE, text);
}

/* START-1, MSG-3. */
static int say_running(void)
{
	tell(LOG_LEVEL_INFO, "Service already running.");
	if (fd_is_open(REPORT_FD))
		report_fd_send(REPORT_FD, "", "READY");
	launch_tell_running();
	return 0;
}

/* The supervisor's arguments, all allocated. */
static char **supervisor_words(const struct contract *self, size_t *ret_n)
{
	char **list = xalloc(5 + self->line.n_sizes + self->line.n_x_options, sizeof(*list));
	size_t n = 0;

	list[n++] = xprintf("--flavour=%s", self->flavour->name);
	list[n++] = xprintf("--script=%s", self->script);
	list[n++] = xprintf("--config=%s", self->config.path);
	for (size_t i = 0; i < self->line.n_sizes; i++)
		list[n++] = xprintf("--size=%s", self->line.sizes[i]);
	list[n++] = xstrdup("--");
	for (size_t i = 0; i < self->line.n_x_options; i++)
		list[n++] = xstrdup(self->line.x_options[i]);
	*ret_n = n;
	return list;
}

static void cleanup_words(char ***list)
{
	for (char **word = *list; word && *word; word++)
		free(*word);
	free(*list);
}

static int start_locked(const struct contract *self, int lock_fd)
{
	CLEANUP(free) char *guard = ctl_program("afar-guard");
	CLEANUP(free) char *why = NULL;
	CLEANUP(launch_argv) const char **argv = NULL;
	CLEANUP(words) char **words = NULL;
	int status = check_sizes(self);
	size_t n;

	if (status)
		return status;
	if (launch_prepare(&self->paths, &why) == 0) {
		words = supervisor_words(self, &n);
		argv = launch_guard_argv(
			&self->paths, self->flavour->name, lock_fd, n, (const char *const *)words);
		why = xprintf("Could not execute %s: %s", guard,
			strerror(-launch_exec(guard, argv, lock_fd)));
	}
	tell(LOG_LEVEL_ERROR, why);
	return 1;
}

static int start_child(struct contract *self)
{
	CLEANUP(close) int lock_fd = -1;
	CLEANUP(free) char *why = NULL;
	struct instance instance;
	struct original original;
	int status;

	switch (launch_lock(&self->paths, &instance, &lock_fd, &why)) {
	case INSTANCE_RUNNING:
		return say_running();
	case INSTANCE_ERROR:
		tell(LOG_LEVEL_ERROR, why);
		return 1;
	case INSTANCE_FREE:
		break;
	}
	/* With the lock in our hands no other of ours can look at the same time. */
	if (original_find(self->argv0, self->config.path, ORIGINAL_CHILD, &original)) {
		original_finish(&original);
		status = say_running();
	} else {
		status = start_locked(self, lock_fd);
	}
	launch_abandon(&self->paths);
	return status;
}

/* START-3, LSH-1. */
static int start_in_login_shell(struct contract *self)
{
	CLEANUP(free) const char **words = NULL;
	CLEANUP(free) const char **argv = NULL;
	size_t n;
	int r;

	command_line_drop(&self->line, OPTION_NEW_SESSION);
	words = command_line_print(&self->line, &n);
	argv = xalloc(n + 3, sizeof(*argv));
	argv[0] = self->argv0;
	argv[1] = "--child-process";
	memcpy(argv + 2, words, n * sizeof(*argv));
	r = login_shell_exec(self->script, argv);
	log_error("Could not execute %s: %s", self->script, strerror(-r));
	return r == -ENOENT ? RUN_NOT_FOUND : RUN_NOT_EXECUTABLE;
}

/* START-4, CLI-12. @how: what systemctl is to do with the unit. */
static int start_by_systemd(
	const struct contract *self, const char *user, const char *verb, const char *option)
{
	CLEANUP(free) char *unit = xprintf("%s@%s", self->flavour->unit, user);
	const char *argv[] = { "systemctl", verb, option ? option : unit, option ? unit : NULL, NULL };
	int r = start_options_save(&self->paths, &self->line, self->config.path);

	if (r < 0) {
		log_error("The options of this start cannot be kept in %s: %s",
			self->paths.config_dir, strerror(-r));
		return 1;
	}
	return root_run(argv);
}

/* A7. */
static int start_by_wrapper(const struct contract *self)
{
	CLEANUP(free) char *program = NULL;
	CLEANUP(free) const char **words = NULL;
	CLEANUP(free) const char **argv = NULL;
	size_t n = 0, n_words;
	int r;

	program = xprintf("%.*s/%s", (int)(strrchr(self->script, '/') - self->script), self->script,
		self->flavour->login_program);
	words = command_line_print(&self->line, &n_words);
	argv = xalloc(n_words + 5, sizeof(*argv));
	argv[n++] = program;
	argv[n++] = "start";
	if (self->line.given[OPTION_FOREGROUND])
		argv[n++] = "--foreground";
	argv[n++] = "--";
	memcpy(argv + n, words, n_words * sizeof(*argv));
	r = run_program(argv);
	if (r == -EACCES)
		return group_run(self->flavour->name, argv);
	if (r < 0)
		log_error("Could not execute %s: %s", program, strerror(-r));
	if (r == -ENOENT)
		return RUN_NOT_FOUND;
	return r < 0 ? RUN_NOT_EXECUTABLE : r;
}

static int complain_of_user(void)
{
	log_error("Your account has no name: set LOGNAME.");
	return 1;
}

int contract_start(struct contract *self)
{
	bool is_session = self->line.given[OPTION_NEW_SESSION];
	const char *user;
	int status;

	if (self->line.given[OPTION_CHILD_PROCESS]) {
		make_config_canonical(self);
		return start_child(self);
	}
	if (contract_is_running(self)) {
		log_info("Service already running.");
		return 0;
	}
	status = check_sizes(self);
	if (status)
		return status;
	if (systemd_runs() && !is_session) {
		user = user_name();
		return user ? start_by_systemd(self, user, "start", NULL) : complain_of_user();
	}
	make_config_canonical(self);
	return is_session ? start_in_login_shell(self) : start_by_wrapper(self);
}

int contract_enable_and_start(struct contract *self)
{
	const char *user = user_name(), *group = self->flavour->name;
	const char *add[] = { self->script, "--add-user-as-root", user, NULL };
	enum group_state state;

	if (!user)
		return complain_of_user();
	if (systemd_runs()) {
		int status = check_sizes(self);

		return status ? status : start_by_systemd(self, user, "enable", "--now");
	}
	state = group_state(group, user);
	if (state == GROUP_MISSING)
		log_info("Group '%s' does not exist yet.", group);
	if (state == GROUP_HAS_USER) {
		/* The original ends here, and whoever asked for a start has none: D-19. */
		log_info("User '%s' is already a member of '%s'.", user, group);
	} else if (root_run(add) != 0) {
		log_error("Failed to add user to group");
		return 1;
	}
	command_line_replace(&self->line, OPTION_ENABLE_AND_START, OPTION_START);
	reread(self);
	return contract_start(self);
}
