/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fake-hostile PROGRAM UID GID GROUP N SEED CANARY-DIR: executes PROGRAM N times as an ordinary
 * user who is up to no good: arguments, environment, descriptors, limits, signals, timers, umask
 * and directory at random (FUZ-11). Prints how each kind of end came about, and fails when one
 * took longer than it may. What the runs did is for the caller to check.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "unit/random.h"

#define LIMIT_SEC 20
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct random state;

static unsigned draw(unsigned n)
{
	return (unsigned)random_below(&state, (int)n);
}

static char *big(char c, size_t n)
{
	char *text = malloc(n + 1);

	memset(text, c, n);
	text[n] = '\0';
	return text;
}

static char *pick_argument(void)
{
	static char *const words[] = { "start", "--foreground", "--user", "--", "root", "nobody",
		"--user=root", "stop", "-x", "", " ", "--help", "../../bin/sh", "$(touch canary)",
		"`touch canary`", ";touch canary;", "a\nb", "%s%n%n", "\xff\xfe\x80", "'", "\"", "\\",
		"--start", "--child-process", "--config=/etc/shadow" };
	unsigned which = draw(60);

	if (which < COUNT(words))
		return words[which];
	if (which == 58)
		return big('A', 1 + draw(100000));
	if (which == 59)
		return big('\'', 1 + draw(100000));
	return which & 1 ? "--foreground" : "start";
}

static char **make_argv(char *program)
{
	char **argv = calloc(40, sizeof(*argv));
	unsigned n = draw(7);
	size_t at = 0;

	if (draw(20) == 0) /* argc 0 */
		return argv;
	argv[at++] = draw(4) ? program : pick_argument();
	if (draw(2))
		argv[at++] = "start";
	if (draw(2))
		argv[at++] = "--foreground";
	if (draw(4) == 0)
		argv[at++] = "--";
	while (n--)
		argv[at++] = pick_argument();
	return argv;
}

static char **make_environment(const char *canaries)
{
	static const char *const names[] = { "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT",
		"GCONV_PATH", "PATH", "BASH_ENV", "ENV", "HOME", "SHELL", "USER", "LOGNAME", "TZ",
		"LANG", "LC_ALL", "LOCPATH", "NLSPATH", "MALLOC_TRACE", "GLIBC_TUNABLES", "IFS",
		"XDG_RUNTIME_DIR", "XDG_SESSION_ID", "TMPDIR", "HOSTALIASES", "RES_OPTIONS",
		"AFAR_DEBUG", "AFAR_LOG_BARE", "JOURNAL_STREAM", "NOTIFY_SOCKET", "PS4", "SHELLOPTS",
		"CHROME_REMOTE_DESKTOP_HOST_EXTRA_PARAMS", "AFAR_HOST_EXTRA_PARAMS" };
	char **env = calloc(40, sizeof(*env));
	unsigned n = draw(12);
	char value[512];
	size_t at = 0;

	while (n--) {
		const char *name = names[draw(COUNT(names))];

		switch (draw(7)) {
		case 0:
			snprintf(value, sizeof(value), "%s/canary.so", canaries);
			break;
		case 1:
			snprintf(value, sizeof(value), "%s", canaries);
			break;
		case 2:
			snprintf(value, sizeof(value), "%s/canary.sh", canaries);
			break;
		case 3:
			snprintf(value, sizeof(value), "root");
			break;
		case 4:
			snprintf(value, sizeof(value), "../../../etc/shadow");
			break;
		case 5:
			value[0] = '\0';
			break;
		case 6: {
			char *text = big('x', draw(100000));

			if (asprintf(&env[at++], "%s=%s", name, text) < 0)
				abort();
			free(text);
			continue;
		}
		}
		if (asprintf(&env[at++], "%s=%s", name, value) < 0)
			abort();
	}
	if (draw(30) == 0)
		env[at++] = "no equals";
	return env;
}

static void limit(int resource, rlim_t value)
{
	const struct rlimit l = { value, value };

	setrlimit(resource, &l);
}

static void spoil_process(void)
{
	const struct itimerval soon = { { 0, 0 }, { 0, 1000 } };
	sigset_t all;

	if (draw(4) == 0) {
		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
		if (draw(2))
			raise(SIGTERM);
	}
	if (draw(4) == 0) {
		for (int signo = 1; signo < 32; signo++)
			signal(signo, SIG_IGN);
	}
	if (draw(6) == 0)
		setitimer(draw(2) ? ITIMER_REAL : ITIMER_VIRTUAL, &soon, NULL);
	if (draw(4) == 0)
		umask(draw(2) ? 0 : 0777);
	if (draw(4) == 0) {
		char path[] = "/tmp/hostile-XXXXXX";

		if (mkdtemp(path) && chdir(path) == 0)
			rmdir(path);
	}
	if (draw(6) == 0)
		limit(RLIMIT_FSIZE, 0);
	if (draw(6) == 0)
		limit(RLIMIT_CPU, 1);
	if (draw(6) == 0)
		limit(RLIMIT_NPROC, draw(2));
	if (draw(8) == 0)
		limit(RLIMIT_STACK, 256 * 1024);
	if (draw(8) == 0)
		limit(RLIMIT_CORE, RLIM_INFINITY);
	if (draw(8) == 0)
		limit(RLIMIT_DATA, 65536);
	for (int fd = 0; fd < 3; fd++) {
		if (draw(5) == 0)
			close(fd);
	}
	if (draw(5) == 0)
		dup2(open("/dev/null", O_RDWR), 202);
	if (draw(6) == 0)
		limit(RLIMIT_NOFILE, 3 + draw(2));
}

static void run(char *program, uid_t uid, gid_t gid, gid_t group, const char *canaries)
{
	char **argv = make_argv(program);
	char **env = make_environment(canaries);

	setsid();
	if (setgroups(1, &group) < 0 || setgid(gid) < 0 || setuid(uid) < 0)
		_exit(125);
	spoil_process();
	execve(program, argv, env);
	_exit(126);
}

/* Whatever else ends meanwhile is what runs left in the background: or there would be no pids left. */
static bool await(pid_t pid, const sigset_t *child, int *ret_status)
{
	const struct timespec patience = { LIMIT_SEC, 0 };

	for (;;) {
		pid_t ended;

		while ((ended = waitpid(-1, ret_status, WNOHANG)) > 0) {
			if (ended == pid)
				return true;
		}
		if (sigtimedwait(child, NULL, &patience) < 0 && errno == EAGAIN)
			return false;
	}
}

int main(int argc, char **argv)
{
	unsigned long n_exits[256] = { 0 }, n_signals[65] = { 0 };
	sigset_t child;

	if (argc != 8)
		return 2;
	state.state = strtoull(argv[6], NULL, 10);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	for (long left = atol(argv[5]); left > 0; left--) {
		uint64_t next = random_u64(&state);
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			state.state = next;
			run(argv[1], (uid_t)atoi(argv[2]), (gid_t)atoi(argv[3]),
				(gid_t)atoi(argv[4]), argv[7]);
		}
		if (pid < 0) {
			printf("no process: %s\n", strerror(errno));
			return 1;
		}
		if (!await(pid, &child, &status)) {
			printf("run %ld does not end\n", left);
			return 1;
		}
		if (WIFEXITED(status))
			n_exits[WEXITSTATUS(status)]++;
		else
			n_signals[WTERMSIG(status)]++;
	}
	for (unsigned i = 0; i < COUNT(n_exits); i++) {
		if (n_exits[i])
			printf("exit %u %lu\n", i, n_exits[i]);
	}
	for (unsigned i = 0; i < COUNT(n_signals); i++) {
		if (n_signals[i])
			printf("signal %u %lu\n", i, n_signals[i]);
	}
	return 0;
}
