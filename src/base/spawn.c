/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/privilege.h"

#ifndef CLOSE_RANGE_CLOEXEC
# define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

/* More than this are enough for any child, beside all that we have ourselves. */
#define SHORT_LIMIT 128

extern char **environ;

void spawn_map(struct spawn *self, int from, int to)
{
	if (self->n_fds == SPAWN_FDS_MAX)
		abort();
	self->fds[self->n_fds++] = (struct spawn_fd){ .from = from, .to = to };
}

/* From here to exec only async-signal-safe calls: the parent may have threads. */

/* Everything is closed by exec. Linux before 5.11 lacks close_range's flag. */
static void close_all_at_exec(void)
{
	if (syscall(SYS_close_range, 0, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	for (int fd = 0; fd < 1024; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static bool is_used(const struct spawn *self, int fd, int error_fd)
{
	bool used = fd == error_fd;

	for (size_t i = 0; i < self->n_fds; i++)
		used |= fd == self->fds[i].from;
	return used;
}

/* Where descriptors are short the copies would find no room beside all of the parent's. */
static void close_unused(const struct spawn *self, int error_fd)
{
	for (int fd = 3; fd < SHORT_LIMIT; fd++) {
		if (!is_used(self, fd, error_fd))
			close(fd);
	}
}

static bool is_target(const struct spawn *self, int fd)
{
	bool target = fd < 3;

	for (size_t i = 0; i < self->n_fds; i++)
		target |= fd == self->fds[i].to;
	return target;
}

/* What fcntl(2) and dup2(2) say of a number beyond the limit, which is that there are no more. */
static int no_copy(int error)
{
	return error == EINVAL || error == EBADF ? -EMFILE : -error;
}

/* A copy whose number is nobody's target, or -errno. Those on the way are closed by exec. */
static int copy_aside(const struct spawn *self, int fd)
{
	int copy = 2;

	do {
		copy = fcntl(fd, F_DUPFD_CLOEXEC, copy + 1);
	} while (copy >= 0 && is_target(self, copy));
	return copy < 0 ? no_copy(errno) : copy;
}

/* The maps may overlap (3 to 4 and 4 to 3), so every source first gets out of the way. */
static int arrange_fds(struct spawn *self, int *error_fd)
{
	int copy;

	close_unused(self, *error_fd);
	copy = copy_aside(self, *error_fd);
	if (copy < 0)
		return copy;
	*error_fd = copy;
	for (size_t i = 0; i < self->n_fds; i++) {
		int from = self->fds[i].from;

		if (from < 0)
			from = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (from < 0)
			return -errno;
		copy = copy_aside(self, from);
		if (copy < 0)
			return copy;
		self->fds[i].from = copy;
	}
	close_all_at_exec();
	for (size_t i = 0; i < self->n_fds; i++) {
		if (dup2(self->fds[i].from, self->fds[i].to) < 0)
			return no_copy(errno);
	}
	return 0;
}

static struct rlimit limit_before; /* rlim_max 0: never raised */

void spawn_raise_limit(void)
{
	struct rlimit limit;

	if (limit_before.rlim_max || getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit_before = limit;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

void spawn_restore_limit(void)
{
	if (limit_before.rlim_max)
		setrlimit(RLIMIT_NOFILE, &limit_before);
}

#define LISTEN_PID "LISTEN_PID="
#define LISTEN_PID_ROOM "0000000000" /* as long as any pid_t */

/* The environment is the child's own copy since the fork. */
static void set_listen_pid(const struct spawn *self)
{
	char digits[sizeof(LISTEN_PID_ROOM)], *at = digits + sizeof(digits) - 1;
	size_t length = strlen(LISTEN_PID);

	*at = '\0';
	for (pid_t pid = getpid(); pid; pid /= 10)
		*--at = (char)('0' + pid % 10);
	for (const char *const *var = self->envp; var && *var; var++) {
		if (strncmp(*var, LISTEN_PID, length) == 0)
			memcpy((char *)*var + length, at, strlen(at) + 1);
	}
}

/* Only the soft limit: whoever wants another sets it. One that is too low for a mark stays. */
static void set_mark(uint64_t mark)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_RTTIME, &limit) < 0)
		return;
	limit.rlim_cur = mark;
	setrlimit(RLIMIT_RTTIME, &limit);
}

/* @refused: an errno to fail with in place of executing anything, or 0 */
static int run_child(struct spawn *self, pid_t parent, int refused, int *error_fd)
{
	int r;

	privilege_reset_signals();
	if (self->sets_listen_pid)
		set_listen_pid(self);
	r = arrange_fds(self, error_fd);
	if (r < 0)
		return r;
	spawn_restore_limit();
	if (self->new_session && setsid() < 0)
		return -errno;
	if (self->death_signal) {
		prctl(PR_SET_PDEATHSIG, self->death_signal);
		if (getppid() != parent) /* it ended before we asked */
			raise(self->death_signal);
	}
	if (self->mark)
		set_mark(self->mark);
	if (self->becomes_user) {
		r = privilege_drop(self->user);
		if (r < 0)
			return r;
	}
	if (self->directory && chdir(self->directory) < 0)
		return -errno;
	if (refused)
		return -refused;
	if (self->path)
		execve(self->path, (char *const *)self->argv,
			self->envp ? (char *const *)self->envp : environ);
	else
		execvpe(self->argv[0], (char *const *)self->argv,
			self->envp ? (char *const *)self->envp : environ);
	return -errno;
}

static void default_stdio(struct spawn *self)
{
	for (int fd = 0; fd < 3; fd++) {
		bool given = false;

		for (size_t i = 0; i < self->n_fds; i++)
			given |= self->fds[i].to == fd;
		if (!given)
			spawn_map(self, -1, fd);
	}
}

pid_t spawn_start(const struct spawn *self)
{
	struct spawn child = *self;
	pid_t parent = getpid(), pid;
	sigset_t all, old;
	int pipe_fds[2], error = 0;
	int refused = fault_hits(FAULT_EXEC); /* here: what the child counts is lost with it */
	ssize_t n;

	default_stdio(&child);
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;

	/* No handler of ours may run in the child before it has reset them. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = fault_hits(FAULT_FORK) ? -1 : fork();
	if (pid == 0) {
		error = run_child(&child, parent, refused, &pipe_fds[1]);
		if (write(pipe_fds[1], &error, sizeof(error)) < 0)
			_exit(126);
		_exit(127);
	}
	if (pid < 0)
		error = -errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(pipe_fds[1]);
	if (pid > 0) {
		do {
			n = read(pipe_fds[0], &error, sizeof(error));
		} while (n < 0 && errno == EINTR);
		if (n == (ssize_t)sizeof(error))
			waitpid(pid, NULL, 0);
		else
			error = 0;
	}
	close(pipe_fds[0]);
	return error ? error : pid;
}

pid_t spawn_fork(void)
{
	pid_t pid = fault_hits(FAULT_FORK) ? -1 : fork();

	return pid < 0 ? -errno : pid;
}

static void held_signals(sigset_t *ret)
{
	static const int list[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };

	sigemptyset(ret);
	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		sigaddset(ret, list[i]);
}

void spawn_hold_signals(void)
{
	sigset_t set;

	held_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

int spawn_wait(pid_t pid, int *ret_status)
{
	siginfo_t info = { 0 };
	sigset_t set;
	int status;
	pid_t ended;

	held_signals(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (;;) {
		while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
			if (ended == pid) {
				*ret_status = status;
				return 0;
			}
		}
		if (ended < 0 && errno == ECHILD)
			return -ECHILD;
		/* si_code: the kernel's own, as Ctrl-C is, are above 0 */
		if (sigwaitinfo(&set, &info) > 0 && info.si_signo != SIGCHLD && info.si_code <= 0)
			kill(pid, info.si_signo);
	}
}

int spawn_env_init(struct spawn_env *self, char *const *from)
{
	*self = (struct spawn_env){ 0 };
	self->vars = mem_alloc(1, sizeof(*self->vars));
	if (!self->vars)
		return -ENOMEM;
	for (; from && *from; from++) {
		CLEANUP(free) char *name = mem_dup(*from, strlen(*from));
		char *equals;
		int r;

		if (!name)
			return -ENOMEM;
		equals = strchr(name, '=');
		if (!equals)
			continue;
		*equals = '\0';
		r = spawn_env_set(self, name, equals + 1);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Index of @name's string, or @n. */
static size_t find(const struct spawn_env *self, const char *name)
{
	size_t length = strlen(name);
	size_t i;

	for (i = 0; i < self->n; i++) {
		if (strncmp(self->vars[i], name, length) == 0 && self->vars[i][length] == '=')
			break;
	}
	return i;
}

int spawn_env_set(struct spawn_env *self, const char *name, const char *value)
{
	size_t i = find(self, name);
	char *text, **vars;

	if (!value) {
		if (i < self->n) {
			free(self->vars[i]);
			self->vars[i] = self->vars[--self->n];
			self->vars[self->n] = NULL;
		}
		return 0;
	}
	text = mem_printf("%s=%s", name, value);
	if (!text)
		return -ENOMEM;
	if (i < self->n) {
		free(self->vars[i]);
		self->vars[i] = text;
		return 0;
	}
	vars = mem_resize(self->vars, self->n + 2, sizeof(*vars));
	if (!vars) {
		free(text);
		return -ENOMEM;
	}
	self->vars = vars;
	self->vars[self->n++] = text;
	self->vars[self->n] = NULL;
	return 0;
}

const char *spawn_env_get(const struct spawn_env *self, const char *name)
{
	size_t i = find(self, name);

	return i < self->n ? strchr(self->vars[i], '=') + 1 : NULL;
}

int spawn_env_set_listen(struct spawn_env *self, unsigned n)
{
	char number[16];
	int r;

	snprintf(number, sizeof(number), "%u", n);
	r = spawn_env_set(self, "LISTEN_FDS", number);
	return r < 0 ? r : spawn_env_set(self, "LISTEN_PID", LISTEN_PID_ROOM);
}

void spawn_env_finish(struct spawn_env *self)
{
	for (size_t i = 0; i < self->n; i++)
		free(self->vars[i]);
	free(self->vars);
	*self = (struct spawn_env){ 0 };
}
