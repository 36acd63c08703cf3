/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * afar-login, by the contract `user-session`: opens a PAM session and starts the daemon in it, by
 * the user's login shell, where no systemd does (US-1..24). Setuid root. Its processes:
 *
 *	the caller's    shows what the daemon says until it is ready, as the user
 *	 └ outer        root; starts itself anew when the daemon asks for it
 *	    └ inner     root; holds the session
 *	       └ shell  the user, for good
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/news.h"
#include "base/privilege.h"
#include "base/report-fd.h"
#include "base/str.h"
#include "base/sys.h"
#include "login/session.h"
#include "login/words.h"

struct login {
	const struct flavour *flavour;
	char path[PATH_MAX]; /* our own */
	char *script;
	struct words words;
	int argc;
	char **argv;
	uid_t caller; /* the real one */
	const char *user;
	struct spawn_env kept; /* of the caller's environment */
	char *log; /* NULL: there is none, or we were started anew */
};

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

/* US-2. The file's name decides, never argv[0], which is the caller's to choose. */
static void find_self(struct login *self)
{
	ssize_t n = readlink("/proc/self/exe", self->path, sizeof(self->path) - 1);
	const char *name = str_basename(self->path);

	if (n <= 0 || n == (ssize_t)sizeof(self->path) - 1 || self->path[0] != '/')
		die("cannot tell where this program is");
	self->flavour = str_equal(name, flavour_contract.login_program) ? &flavour_contract
									 : &flavour_afar;
	for (const char *const *at = self->flavour->login_scripts; *at; at++) {
		free(self->script);
		self->script = xprintf("%.*s%s", (int)(name - self->path), self->path, *at);
		if (access(self->script, X_OK) == 0)
			break;
	}
}

/* US-4, US-16: after this there is no environment but what is kept. */
static void read_environment(struct login *self)
{
	const char *user = getenv("USER"), *logname = getenv("LOGNAME");
	int r = spawn_env_init(&self->kept, NULL);

	for (const char *const *at = self->flavour->login_variables; r == 0 && *at; at++)
		r = spawn_env_set(&self->kept, *at, getenv(*at));
	clearenv();
	if (r < 0)
		die("out of memory");
	if (self->caller == 0 && !self->words.user)
		die("Target user must be specified when run as root.");
	if (self->caller != 0 && self->words.user)
		die("Target user may not be specified by non-root users.");
	self->user = self->caller ? words_user(user, logname, self->caller) : self->words.user;
	if (!self->user)
		die("user %u has no name", (unsigned)self->caller);
}

static pid_t fork_or_die(void)
{
	pid_t pid = spawn_fork();

	if (pid < 0)
		die("cannot start a process: %s", strerror((int)-pid));
	return pid;
}

/* US-7, US-8: the caller's process ends in here; the copy has the other end at REPORT_FD. */
static void leave_caller(struct login *self)
{
	int fds[2] = { -1, -1 };
	bool relays = self->caller != 0;

	if (relays && (pipe2(fds, O_CLOEXEC) < 0 || dup2(fds[1], REPORT_FD) < 0)) {
		log_warning("no pipe to the daemon: %s", strerror(errno));
		relays = false;
	}
	fd_close(fds[1]);
	if (fork_or_die() > 0) {
		close(REPORT_FD);
		if (privilege_drop(self->caller) < 0)
			_exit(1);
		exit(relays ? news_relay(self->flavour, fds[0], NEWS_LIMIT_SEC, self->log) : 0);
	}
	fd_close(fds[0]);
}

/* US-5..9. */
static void go_into_background(struct login *self)
{
	CLEANUP(close) int null = sys_open("/dev/null", O_RDWR, 0);
	CLEANUP(close) int log = -1;
	int r = 0, linked = 0;

	if (self->flavour->login_log)
		log = r = sys_new_log(self->flavour->login_log, &self->log, &linked);
	if (r < 0)
		die("cannot make a log: %s", strerror(-r));
	if (linked < 0)
		log_warning("cannot make a link to the log: %s", strerror(-linked));
	leave_caller(self);
	setsid();
	if (fork_or_die() > 0)
		_exit(0);
	if (self->log)
		log_info("Daemon process started in the background, logging to '%s'", self->log);
	else
		log_use_syslog();
	dup2(null, STDIN_FILENO);
	dup2(self->log ? log : null, STDOUT_FILENO);
	dup2(self->log ? log : null, STDERR_FILENO);
}

/* US-21. Its pid, or negative errno. */
static pid_t start_shell(const struct login *self, const struct session *session)
{
	const struct passwd *account = &session->account;
	CLEANUP(free) char *name = xprintf("-%s", str_basename(account->pw_shell));
	CLEANUP(spawn_env) struct spawn_env env = { 0 };
	CLEANUP(free) char *command = NULL;
	const char *argv[] = { name, "-c", NULL, NULL };
	struct spawn spawn = { .argv = argv, .path = account->pw_shell,
		.directory = account->pw_dir, .becomes_user = true, .user = account->pw_uid };
	int r = session_environment(session, &env);

	if (r == 0)
		r = words_command(self->script, self->flavour->login_words, self->words.arguments,
			&command);
	if (r < 0)
		return r;
	argv[2] = command;
	spawn.envp = (const char *const *)env.vars;
	for (int fd = 0; fd < 3; fd++)
		spawn_map(&spawn, fd, fd);
	if (fd_is_open(REPORT_FD))
		spawn_map(&spawn, REPORT_FD, REPORT_FD);
	return spawn_start(&spawn);
}

static bool asks_for_relaunch(int status)
{
	return WIFEXITED(status) && WEXITSTATUS(status) == FLAVOUR_EXIT_RELAUNCH;
}

static void log_end(int status)
{
	if (WIFSIGNALED(status))
		log_warning("Child terminated by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) && !asks_for_relaunch(status))
		log_warning("Child exited with status %d", WEXITSTATUS(status));
	else
		log_info(WEXITSTATUS(status) ? "Restarting session" : "Child exited successfully");
}

/* The inner process. Returns its exit status: 41, 0, or 1 when there was no session. */
static int run_session(struct login *self, struct session *session)
{
	CLEANUP(free) char *why = NULL;
	int status = 0, pid = 0;
	/* The modules see who called; session_open() ends that. */
	int r = setreuid(self->caller, (uid_t)-1) < 0
		? -errno
		: session_open(session, self->user, self->kept.vars, &why);

	if (r == 0 && self->log
		&& fchown(STDOUT_FILENO, session->account.pw_uid, session->account.pw_gid) < 0)
		log_warning("the log stays root's: %s", strerror(errno));
	if (r == 0)
		r = pid = start_shell(self, session);
	if (r > 0) {
		session->record->shell = pid;
		close(REPORT_FD);
		r = spawn_wait(pid, &status);
		log_end(status);
	} else {
		if (!why)
			why = xprintf("cannot start %s: %s", session->account.pw_shell, strerror(-r));
		log_error("%s", why);
		dprintf(REPORT_FD, "%s%s\n", self->flavour->error_prefix, why);
	}
	session_close(session);
	return r < 0 ? 1 : asks_for_relaunch(status) ? FLAVOUR_EXIT_RELAUNCH : 0;
}

/* US-22. As the caller: only a file that is setuid root still, and root's, is more. */
static void relaunch(struct login *self)
{
	const char **argv = xalloc((size_t)self->argc + 2, sizeof(*argv));
	size_t n = 0;

	argv[n++] = self->path;
	argv[n++] = "start";
	if (!self->words.foreground)
		argv[n++] = "--foreground";
	memcpy(argv + n, self->argv + 2, ((size_t)self->argc - 1) * sizeof(*argv));
	if (spawn_env_set(&self->kept, "USER", self->user) == 0
		&& privilege_drop(self->caller) == 0)
		execve(self->path, (char *const *)argv, self->kept.vars);
	log_error("cannot start %s anew: %s", self->path, strerror(errno));
	exit(1);
}

/* The outer process, US-14. Returns the exit status. */
static int run(struct login *self)
{
	struct session_record *record = mmap(NULL, sizeof(*record), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct session session = {
		.flavour = self->flavour, .record = record, .caller = self->caller };
	int status = 0;
	pid_t pid;

	/* No signal of the caller's reaches us, and the shell becomes ours when its parent dies. */
	if (record == MAP_FAILED || setresuid(0, 0, 0) < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		die("cannot prepare a session: %s", strerror(errno));
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	spawn_hold_signals();
	pid = fork_or_die();
	if (pid == 0)
		_exit(run_session(self, &session));
	close(REPORT_FD);
	spawn_wait(pid, &status);
	if (WIFSIGNALED(status)) {
		log_warning("whoever held the session was killed by signal %d", WTERMSIG(status));
		if (record->shell > 0 && spawn_wait(record->shell, &status) == 0)
			log_end(status);
		session_close(&session);
	}
	if (asks_for_relaunch(status))
		relaunch(self);
	return record->shell > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct login self = { .argc = argc, .argv = argv, .caller = getuid() };

	privilege_clean();
	find_self(&self);
	if (geteuid() != 0)
		die("%s not installed setuid root. Host must be started by administrator.", self.path);
	if (!words_read(argc, argv, &self.words))
		die("Usage: %s start [--foreground] [--user NAME] [-- ARGUMENTS...]\n"
		    "Starts a desktop of yours; %s calls it.\n"
		    "It is not meant for end users.",
			self.flavour->login_program, self.flavour->name);
	read_environment(&self);
	log_init(self.flavour->login_program);
	if (self.flavour->logs_to_stderr)
		log_use_contract_format();
	if (!self.words.foreground)
		go_into_background(&self);
	return run(&self);
}
