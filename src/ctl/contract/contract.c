/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/contract/contract.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/display-manager.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "ctl/contract/group.h"
#include "ctl/contract/original.h"
#include "ctl/contract/start-options.h"
#include "ctl/contract/watch.h"
#include "ctl/instance.h"

/* CLI-10. */
#define STOP_LIMIT_MSEC 30000
/* One that has the lock says at once who it is. */
#define NAME_LIMIT_MSEC 2000

static void print_usage(const struct contract *self, FILE *out)
{
	fprintf(out, "Usage: %s [options] [ -- [ X server options ] ]\n", str_basename(self->argv0));
}

int contract_usage_error(const struct contract *self, const char *why)
{
	print_usage(self, stderr);
	fprintf(stderr, "%s: error: %s\n", str_basename(self->argv0), why);
	return 2;
}

static int print_help(const struct contract *self)
{
	print_usage(self, stdout);
	fputs(command_line_help, stdout);
	return 0;
}

bool contract_is_running(const struct contract *self)
{
	struct instance instance;
	struct original original;
	int error;

	if (instance_lock(&self->paths, &instance, NULL, &error) == INSTANCE_RUNNING)
		return true;
	if (!original_find(self->argv0, self->config.path, ORIGINAL_ANY, &original))
		return false;
	original_finish(&original);
	return true;
}

/* The one that runs, for signals: its pidfd, or negative errno; -ESRCH: nobody does. */
static int open_running(const struct contract *self, pid_t *ret_pid)
{
	struct instance instance;
	struct original original;
	int r = -ESRCH;

	switch (instance_await_holder(&self->paths, NAME_LIMIT_MSEC, &instance, &r)) {
	case INSTANCE_RUNNING:
		*ret_pid = instance.guard_pid;
		r = instance.guard_pid ? instance_pidfd(&instance) : -ETIMEDOUT;
		break;
	case INSTANCE_ERROR:
	case INSTANCE_FREE:
		break;
	}
	if (r != -ESRCH || !original_find(self->argv0, self->config.path, ORIGINAL_ANY, &original))
		return r;
	*ret_pid = original.pid;
	return original.pidfd;
}

static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* CLI-7. */
static bool is_supported(const struct contract *self)
{
	if (is_directory(self->paths.config_dir))
		return true;
	for (const char *const *file = self->flavour->session_files; *file; file++) {
		CLEANUP(free) char *path = (*file)[0] == '/'
			? xstrdup(*file)
			: xprintf("%s/%s", self->paths.home, *file);

		if (is_file(path))
			return true;
	}
	return !display_manager_is_gdm() && is_file("/etc/X11/Xsession");
}

static int get_status(struct contract *self)
{
	if (contract_is_running(self))
		puts("STARTED");
	else
		puts(is_supported(self) ? "STOPPED" : "NOT_IMPLEMENTED");
	return 0;
}

static int check_running(struct contract *self)
{
	return contract_is_running(self) ? 0 : 1;
}

static int send_signal(int pidfd, int signo)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0) < 0 ? -errno : 0;
}

static int stop(struct contract *self)
{
	pid_t pid = 0;
	CLEANUP(close) int pidfd = open_running(self, &pid);
	struct pollfd gone = { .fd = pidfd, .events = POLLIN };
	int r;

	if (pidfd == -ESRCH) {
		puts("The daemon is not currently running");
		return 0;
	}
	if (pidfd < 0) {
		log_error("The running daemon cannot be found: %s", strerror(-pidfd));
		return 1;
	}
	printf("Killing process %d\n", (int)pid);
	fflush(stdout);
	r = send_signal(pidfd, SIGTERM);
	if (r < 0 && r != -ESRCH) {
		log_error("Could not stop process %d: %s", (int)pid, strerror(-r));
		return 1;
	}
	if (poll(&gone, 1, STOP_LIMIT_MSEC) > 0)
		return 0;
	puts("Timed out trying to kill daemon process");
	return 1;
}

static int reload(struct contract *self)
{
	pid_t pid;
	CLEANUP(close) int pidfd = open_running(self, &pid);

	return pidfd >= 0 && send_signal(pidfd, SIGHUP) == 0 ? 0 : 1;
}

static int add_user_as_root(struct contract *self)
{
	return group_add_user(self->flavour->name, self->line.add_user_as_root);
}

static int watch(struct contract *self)
{
	int r = watch_resolution(
		self->line.watch_px[0], self->line.watch_px[1], WATCH_USEC);

	if (r < 0)
		log_error("The display cannot be watched: %s", strerror(-r));
	return r < 0 ? 1 : 0;
}

/* CLI-3: the first that was given is what is done. */
static const struct mode {
	enum command_line_option option;
	int (*run)(struct contract *self);
	bool quiet; /* CLI-9, CLI-11: its output is read, or there is to be none */
} modes[] = {
	{ OPTION_GET_STATUS, get_status, false },
	{ OPTION_CHECK_RUNNING, check_running, true },
	{ OPTION_STOP, stop, false },
	{ OPTION_RELOAD, reload, true },
	{ OPTION_ENABLE_AND_START, contract_enable_and_start, false },
	{ OPTION_ADD_USER_AS_ROOT, add_user_as_root, true },
	{ OPTION_WATCH_RESOLUTION, watch, true },
	{ OPTION_START, contract_start, false },
};

static const struct mode *find_mode(const struct command_line *line)
{
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (line->given[modes[i].option])
			return &modes[i];
	}
	return NULL;
}

/* CLI-4, D-19. */
static int say_what_this_is(void)
{
	fputs("This program keeps the desktop of Chrome Remote Desktop running. It is called by\n"
	      "other programs and is not intended for end-users: to set a desktop up, go to\n"
	      "https://remotedesktop.google.com/headless and run what it shows you. Afterwards\n"
	      "--start starts it and --stop ends it; --help lists the rest.\n",
		stderr);
	return 1;
}

/* Where the files are, for what the command line says now. 0, or the exit status. */
static int find_files(struct contract *self, bool quiet)
{
	CLEANUP(free) char *home = paths_home();
	CLEANUP(free) char *why = NULL;
	int r;

	r = home ? config_path_find(self->flavour, home, self->line.config, &self->config) : 0;
	if (r < 0) {
		log_error("Could not find the configuration %s: %s", self->line.config, strerror(-r));
		return 1;
	}
	if (paths_init(&self->paths, self->flavour, home ? self->config.path : "", &why) < 0) {
		log_error("%s", why);
		return 1;
	}
	if (self->config.expected && !quiet)
		log_warning("There is no %s, as this machine's name asks for; %s is used.",
			self->config.expected, self->config.path);
	return 0;
}

/* What `--start` was told in front of systemd (D-19) may name another configuration. */
static void join_saved_options(struct contract *self)
{
	CLEANUP(free) char *why = NULL;
	CLEANUP(free) const char **words = NULL;
	struct command_line line;
	struct paths paths;
	size_t n;

	if (paths_init(&paths, self->flavour, "", &why) < 0)
		return;
	start_options_join(&paths, &self->line);
	paths_finish(&paths);
	words = command_line_print(&self->line, &n);
	if (command_line_parse(&line, n, words, &why) < 0)
		return;
	command_line_finish(&self->line);
	self->line = line;
}

static int run(struct contract *self)
{
	const struct mode *mode = find_mode(&self->line);
	int status;

	if (self->line.given[OPTION_HELP])
		return print_help(self);
	if (!mode)
		return say_what_this_is();
	if (mode->option == OPTION_START && self->line.given[OPTION_NEW_SESSION])
		join_saved_options(self);
	status = find_files(self, mode->quiet);
	return status ? status : mode->run(self);
}

/* As Python's sys.argv[0]: where PATH was searched, what was found there. */
static const char *find_argv0(int argc, char **argv)
{
	const char *executed = (const char *)getauxval(AT_EXECFN);

	if (argc > 0 && (strchr(argv[0], '/') || !executed))
		return argv[0];
	if (argc > 0 && !str_equal(str_basename(executed), argv[0]))
		return argv[0];
	return executed ? executed : flavour_contract.name;
}

int contract_main(int argc, char **argv)
{
	struct contract self = { .flavour = &flavour_contract, .argv0 = find_argv0(argc, argv) };
	CLEANUP(free) char *why = NULL;
	int status;

	fd_fill_stdio();
	log_init(self.flavour->name);
	log_use_contract_format();
	if (config_path_absolute(self.argv0, &self.script) < 0)
		self.script = xprintf("/%s", str_basename(self.argv0));
	if (command_line_parse(&self.line, argc > 0 ? (size_t)argc - 1 : 0,
		    (const char *const *)argv + 1, &why) < 0)
		status = contract_usage_error(&self, why);
	else
		status = run(&self);
	command_line_finish(&self.line);
	config_path_finish(&self.config);
	paths_finish(&self.paths);
	free(self.script);
	return status;
}
