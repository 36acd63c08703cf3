/* SPDX-License-Identifier: BSD-3-Clause */
/* afar start: takes the lock, starts the guard, and waits for its news (supervisor/report.h). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/report-fd.h"
#include "base/spawn.h"
#include "base/str.h"
#include "base/sys.h"
#include "ctl/ctl.h"
#include "ctl/launch.h"

/* How long a daemon that failed may take to end, before it is taken to go on trying. */
#define END_LIMIT_MSEC 1000

static bool wants_foreground(int argc, char **argv)
{
	for (int i = 1; i < argc && !str_equal(argv[i], "--"); i++) {
		if (str_equal(argv[i], "--foreground") || str_equal(argv[i], "-f"))
			return true;
	}
	return false;
}

static int run_in_foreground(
	const struct ctl *ctl, const char *guard, const char **argv, int lock_fd)
{
	int r = launch_exec(guard, argv, lock_fd);

	ctl_complain("cannot start %s: %s", guard, strerror(-r));
	launch_abandon(&ctl->paths);
	return CTL_FAILED;
}

/* Shows what comes on @fd until its end. Returns whether READY was among it; if not, it has said why. */
static bool relay(int fd)
{
	FILE *news = fdopen(fd, "r");
	bool ready = false, has_said_why = false;
	char *text = NULL;
	size_t size = 0;
	ssize_t n;

	if (!news)
		return false;
	while ((n = getline(&text, &size, news)) > 0) {
		if (text[n - 1] == '\n')
			text[n - 1] = '\0';
		if (str_equal(text, "READY"))
			ready = true;
		else if (str_starts(text, "MSG:"))
			puts(text + 4);
		else if (str_starts(text, "ERROR:"))
			ctl_complain("%s", text + 6);
		has_said_why |= str_starts(text, "ERROR:");
		fflush(stdout);
	}
	if (!ready && !has_said_why)
		ctl_complain("the daemon ended before the desktop was ready: `afar logs` may say why");
	free(text);
	fclose(news);
	return ready;
}

/*
 * It failed: one that could not even begin ends by itself, and its status says why; one that
 * goes on trying does not.
 */
static int failure_status(pid_t pid)
{
	CLEANUP(close) int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };
	int status;

	if (pidfd < 0 || poll(&ended, 1, END_LIMIT_MSEC) <= 0 || waitpid(pid, &status, 0) != pid)
		return CTL_FAILED;
	return WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : CTL_FAILED;
}

static int run_in_background(
	const struct ctl *ctl, const char *guard, const char **argv, int lock_fd)
{
	struct spawn spawn = { .argv = argv, .path = guard, .directory = "/", .new_session = true };
	CLEANUP(close) int write_end = -1;
	CLEANUP(close) int log = -1;
	int fds[2];
	pid_t pid;

	log = sys_open(ctl->paths.log_file, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
	if (log < 0) {
		ctl_complain("cannot write the log %s: %s", ctl->paths.log_file, strerror(-log));
		launch_abandon(&ctl->paths);
		return CTL_FAILED;
	}
	if (pipe2(fds, O_CLOEXEC) < 0) {
		ctl_complain("no pipe can be made: %s", strerror(errno));
		launch_abandon(&ctl->paths);
		return CTL_FAILED;
	}
	write_end = fds[1];
	spawn_map(&spawn, log, STDOUT_FILENO);
	spawn_map(&spawn, log, STDERR_FILENO);
	spawn_map(&spawn, lock_fd, lock_fd);
	spawn_map(&spawn, write_end, REPORT_FD);
	pid = spawn_start(&spawn);
	write_end = fd_close(write_end);
	if (pid < 0) {
		ctl_complain("cannot start %s: %s", guard, strerror((int)-pid));
		close(fds[0]);
		launch_abandon(&ctl->paths);
		return CTL_FAILED;
	}
	if (relay(fds[0]))
		return CTL_DONE;
	return failure_status(pid);
}

static int run_guard(const struct ctl *ctl, int lock_fd, int argc, char **argv)
{
	CLEANUP(free) char *guard = ctl_program("afar-guard");
	struct launch_line line;
	int status;

	launch_line_init(&line, &ctl->paths, "afar-guard", lock_fd, (size_t)argc - 1,
		(const char *const *)argv + 1);
	status = wants_foreground(argc, argv)
		       ? run_in_foreground(ctl, guard, line.argv, lock_fd)
		       : run_in_background(ctl, guard, line.argv, lock_fd);
	launch_line_finish(&line);
	return status;
}

int ctl_start(struct ctl *ctl, int argc, char **argv)
{
	CLEANUP(free) char *why = NULL;
	struct instance instance;
	int lock_fd = -1;

	switch (launch_lock(&ctl->paths, &instance, &lock_fd, &why)) {
	case INSTANCE_RUNNING:
		launch_tell_running();
		if (instance.guard_pid)
			printf("afar is already running (process %d); `afar link` prints a link to "
			       "it.\n",
				(int)instance.guard_pid);
		else
			puts("afar is already running: it is just being started.");
		return CTL_DONE;
	case INSTANCE_ERROR:
		ctl_complain("%s", why);
		return CTL_FAILED;
	case INSTANCE_FREE:
		break;
	}
	if (launch_prepare(&ctl->paths, &why) < 0) {
		ctl_complain("%s", why);
		launch_abandon(&ctl->paths);
		return CTL_FAILED;
	}
	return run_guard(ctl, lock_fd, argc, argv);
}
