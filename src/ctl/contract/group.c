/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/contract/group.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "base/str.h"
#include "ctl/contract/run.h"

/* Descriptors of one digit, for every shell understands these. */
#define REPORT_AT 6
#define STDIO_AT 7 /* and the two above */

static const char success[] = "success\n";

static pid_t start(const char *name, const char *const *argv, int report)
{
	CLEANUP(strbuf) struct strbuf text = { 0 };
	const char *sg[] = { "sg", name, NULL, NULL };
	struct spawn spawn = { .argv = sg, .new_session = true };

	strbuf_printf(&text, "echo success >&6; exec ");
	str_quote_words(&text, argv);
	strbuf_printf(&text, " 0<&7 1>&8 2>&9 6>&- 7<&- 8>&- 9>&-");
	if (text.failed)
		return -ENOMEM;
	sg[2] = text.text;
	spawn_map(&spawn, report, REPORT_AT);
	for (int fd = 0; fd < 3; fd++)
		spawn_map(&spawn, fd, STDIO_AT + fd);
	return run_start(&spawn);
}

/*
 * The child has a session of its own, so Ctrl-C, which is held, is passed on. False: it cannot be
 * told and may be left running.
 */
static bool await_end(pid_t pid)
{
	CLEANUP(close) int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	CLEANUP(close) int signals = -1;
	struct pollfd fds[2];
	struct signalfd_siginfo info;
	sigset_t set;
	bool told = true;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	fds[0] = (struct pollfd){ .fd = pidfd, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = signals, .events = POLLIN };
	while (told && !fds[0].revents) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents && read(signals, &info, sizeof(info)) > 0)
			told = kill(-pid, SIGINT) == 0;
	}
	return told;
}

/* What came before the command was started, and no byte more. */
static bool has_succeeded(int report)
{
	char text[sizeof(success)];
	ssize_t n;

	/* It has ended: what it wrote is there, and a stray child's copy must not keep us. */
	fd_set_nonblock(report);
	n = read(report, text, sizeof(text));
	return n == (ssize_t)strlen(success) && memcmp(text, success, (size_t)n) == 0;
}

int group_run(const char *name, const char *const *argv)
{
	CLEANUP(close) int read_end = -1;
	CLEANUP(close) int write_end = -1;
	int fds[2], status;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0) {
		log_error("Could not execute sg: %s", strerror(errno));
		return RUN_NOT_EXECUTABLE;
	}
	read_end = fds[0];
	write_end = fds[1];
	pid = start(name, argv, write_end);
	write_end = fd_close(write_end);
	if (pid < 0) {
		log_error("Could not execute sg: %s", strerror((int)-pid));
		return pid == -ENOENT ? RUN_NOT_FOUND : RUN_NOT_EXECUTABLE;
	}
	if (!await_end(pid)) {
		log_warning("Command may still be running");
		return 1;
	}
	status = run_await(pid);
	if (!has_succeeded(read_end)) {
		log_error("Failed to access %s group. Is the user a member?", name);
		return RUN_NOT_EXECUTABLE;
	}
	return status;
}

enum group_state group_state(const char *name, const char *user)
{
	const struct group *entry = getgrnam(name);

	if (!entry)
		return GROUP_MISSING;
	for (char **member = entry->gr_mem; *member; member++) {
		if (str_equal(*member, user))
			return GROUP_HAS_USER;
	}
	return GROUP_LACKS_USER;
}

static bool run_command(const char *const *argv)
{
	CLEANUP(strbuf) struct strbuf text = { 0 };
	int r = run_program(argv);

	if (r == 0)
		return true;
	str_quote_words(&text, argv);
	log_error("Command failed: %s: %s", text.text ? text.text : argv[0],
		r < 0 ? strerror(-r) : "see above");
	return false;
}

int group_add_user(const char *name, const char *user)
{
	const char *make[] = { "/usr/sbin/groupadd", "-f", name, NULL };
	const char *add[] = { "/usr/bin/gpasswd", "--add", user, name, NULL };

	if (getuid() != 0) {
		log_error("--add-user-as-root can only be used by root.");
		return 1;
	}
	if (!getpwnam(user)) {
		log_error("There is no user '%s'.", user);
		return 1;
	}
	return run_command(make) && run_command(add) ? 0 : 1;
}
