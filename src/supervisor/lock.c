/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/program.h"
#include "base/spawn.h"
#include "base/str.h"
#include "base/sys.h"
#include "loop/child-source.h"
#include "supervisor/child.h"
#include "supervisor/display/display.h"
#include "supervisor/supervisor.h"

#define ARGV_MAX 64

/* What "yes" tries, in this order. */
static const char *const lockers[][4] = {
	{ "loginctl", "lock-session", NULL /* its id */ },
	{ "xdg-screensaver", "lock" },
	{ "xflock4" },
	{ "mate-screensaver-command", "--lock" },
	{ "cinnamon-screensaver-command", "--lock" },
	{ "light-locker-command", "--lock" },
	{ "xscreensaver-command", "-lock" },
	{ "i3lock" },
	{ "slock" },
	{ "xlock" },
};

/*
 * Not a struct child: that ends what is left of a process group, and a locker may be just what
 * is left of it; and its output is a pipe, which breaks with us.
 */
struct lock {
	struct supervisor *supervisor; /* borrowed */
	sd_event_source *exit_source;  /* NULL: no command runs */
	size_t next;                   /* of lockers; ARRAY_SIZE: a command of the user's */
	char *session;
};

static void try_next(struct lock *self);

static int handle_exit(sd_event_source *source, const siginfo_t *info, void *data)
{
	struct lock *self = data;
	char text[64];

	(void)source;
	self->exit_source = sd_event_source_unref(self->exit_source);
	if (info->si_code == CLD_EXITED && info->si_status == 0)
		return 0;
	child_describe_end(info->si_code, info->si_status, text, sizeof(text));
	log_warning("the command that locks the screen %s", text);
	try_next(self);
	return 0;
}

int lock_create(struct lock **ret, struct supervisor *supervisor)
{
	struct lock *self = mem_new(struct lock);

	if (!self)
		return -ENOMEM;
	self->supervisor = supervisor;
	*ret = self;
	return 0;
}

void lock_destroy(struct lock *self)
{
	if (!self)
		return;
	sd_event_source_unref(self->exit_source);
	free(self->session);
	free(self);
}

static int start(struct lock *self, const char *const *argv)
{
	struct supervisor *supervisor = self->supervisor;
	CLEANUP(spawn_env) struct spawn_env env = { 0 };
	CLEANUP(close) int output = -1;
	struct spawn spawn = {
		.argv = argv, .directory = supervisor->paths.home, .new_session = true
	};
	pid_t pid;
	int r = supervisor_make_env(supervisor, &env);

	if (r == 0)
		r = spawn_env_set(&env, PROC_OUTLIVES, "1");
	if (r < 0)
		return r;
	output = sys_open(supervisor->paths.log_file, O_WRONLY | O_APPEND | O_NOFOLLOW, 0);
	spawn.envp = (const char *const *)env.vars;
	spawn_map(&spawn, output, STDOUT_FILENO);
	spawn_map(&spawn, output, STDERR_FILENO);
	log_info("nobody looks on any more: locking the screen with %s", argv[0]);
	pid = spawn_start(&spawn);
	if (pid < 0) {
		log_error("%s cannot be started, the screen is not locked: %s", argv[0],
			strerror((int)-pid));
		return (int)pid;
	}
	r = child_source_add(supervisor->event, &self->exit_source, pid, handle_exit, self);
	if (r < 0)
		log_error("what becomes of %s is not known: %s", argv[0], strerror(-r));
	return 0;
}

/* The login session of this display; a caller's own might be that of some ssh(1). */
static char *find_session(const char *display)
{
	char **sessions, *found = NULL;
	int n = sd_uid_get_sessions(geteuid(), 0, &sessions);

	for (int i = 0; i < n; i++) {
		CLEANUP(free) char *theirs = NULL;

		if (!found && sd_session_get_display(sessions[i], &theirs) >= 0
			&& str_equal(theirs, display))
			found = TAKE_PTR(sessions[i]);
		free(sessions[i]);
	}
	if (n > 0)
		free(sessions);
	return found;
}

static bool prepare(struct lock *self, const char *const *locker, const char *argv[5])
{
	for (size_t i = 0; i < ARRAY_SIZE(lockers[0]); i++)
		argv[i] = locker[i];
	if (str_equal(argv[0], "loginctl")) {
		free(self->session);
		self->session = find_session(display_name(self->supervisor->display));
		if (!self->session)
			return false;
		argv[2] = self->session;
	}
	return program_exists(argv[0]);
}

static void try_next(struct lock *self)
{
	if (self->next == ARRAY_SIZE(lockers) || !display_name(self->supervisor->display))
		return;
	while (self->next < ARRAY_SIZE(lockers)) {
		const char *argv[5] = { NULL };

		if (prepare(self, lockers[self->next++], argv) && start(self, argv) == 0)
			return;
	}
	log_error("the screen is not locked, no command for it works: name one, see "
		  "lock_on_leave in "
		  "afar.conf(5)");
}

static void run_command(struct lock *self, const char *text)
{
	char copy[sizeof(self->supervisor->settings.lock_on_leave)];
	const char *argv[ARGV_MAX] = { NULL };
	size_t n = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *save, *word = strtok_r(copy, " \t", &save); word && n < ARGV_MAX - 1;
		word = strtok_r(NULL, " \t", &save))
		argv[n++] = word;
	self->next = ARRAY_SIZE(lockers);
	if (n)
		start(self, argv);
}

void lock_display(struct lock *self)
{
	const char *how = self->supervisor->settings.lock_on_leave;

	if (!how[0] || !display_name(self->supervisor->display))
		return;
	if (self->exit_source) {
		log_info("the screen is locked already");
		return;
	}
	if (!str_equal(how, "yes")) {
		run_command(self, how);
		return;
	}
	self->next = 0;
	try_next(self);
}
