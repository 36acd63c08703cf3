/* SPDX-License-Identifier: BSD-3-Clause */
#include "guard/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/notify-socket.h"
#include "base/proc.h"
#include "base/report-fd.h"
#include "base/spawn.h"
#include "base/sys.h"

/* Between two looks at what a dying tree has forked meanwhile. */
#define LOOK_AGAIN_USEC (100 * USEC_PER_MSEC)

/* So many supervisors that died before they had taken over are replaced at once … */
#define N_EARLY_DEATHS 5
/* … and then after a second, two, four …: the desktop itself goes on all the while. */
#define PAUSE_MAX_USEC (60 * USEC_PER_SEC)

static void watched_signals(sigset_t *ret)
{
	static const int signals[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGIO };

	sigemptyset(ret);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(ret, signals[i]);
}

/* The next watched signal, or -1 at @deadline. */
static int wait_signal(const sigset_t *set, usec_t deadline, siginfo_t *ret)
{
	for (;;) {
		usec_t now = clock_now();
		usec_t left = deadline > now ? deadline - now : 0;
		struct timespec limit = {
			.tv_sec = (time_t)(left / USEC_PER_SEC),
			.tv_nsec = (long)(left % USEC_PER_SEC * 1000),
		};
		int signo = deadline == USEC_NEVER ? sigwaitinfo(set, ret)
						   : sigtimedwait(set, ret, &limit);

		if (signo > 0)
			return signo;
		if (errno == EAGAIN)
			return -1;
	}
}

/* Reaps what has ended. Returns whether any child is left. */
static bool reap(struct guard *self)
{
	siginfo_t info;

	for (;;) {
		int status;
		pid_t pid;

		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
			return false;
		pid = info.si_pid;
		if (!pid)
			return true;
		/* What it left in its group goes with it: later the number may be another's. */
		if (keep_has_child(&self->keep, pid))
			kill(-pid, SIGTERM);
		if (waitpid(pid, &status, 0) != pid)
			continue;
		if (pid == self->pid) {
			self->pid = 0;
			self->status = status;
		} else {
			keep_note_end(&self->keep, pid, status);
		}
	}
}

/* A way for the supervisor to be heard by the service manager: SIGIO says that it has spoken. */
static int open_notify(struct guard *self)
{
	CLEANUP(close) int fd = notify_socket_open();
	int *fds = self->notify_fds;

	if (fd < 0)
		return fd;
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return -errno;
	if (fcntl(fds[0], F_SETOWN, getpid()) < 0
		|| fcntl(fds[0], F_SETFL, O_NONBLOCK | O_ASYNC) < 0) {
		int r = -errno;

		fds[0] = fd_close(fds[0]);
		fds[1] = fd_close(fds[1]);
		return r;
	}
	self->manager_fd = TAKE_FD(fd);
	return 0;
}

/* A manager that does not listen in time misses something: nothing of ours depends on it. */
static void pass_notes_on(struct guard *self)
{
	char text[NOTIFY_MAX_BYTES];
	ssize_t n;

	if (self->manager_fd < 0)
		return;
	while ((n = recv(self->notify_fds[0], text, sizeof(text), 0)) > 0) {
		int r = notify_socket_send(
			self->manager_fd, text, (size_t)n, !self->manager_is_deaf);

		if (r < 0 && !self->manager_is_deaf)
			log_warning("the service manager does not listen: %s", strerror(-r));
		self->manager_is_deaf = r < 0;
	}
}

static int start_supervisor(struct guard *self)
{
	struct spawn spawn = {
		.argv = self->supervisor,
		.path = self->program,
		.new_session = true, /* Ctrl-C is for us to pass on, once */
		.death_signal = SIGTERM,
	};
	CLEANUP(close) int keeper_fd = -1;
	pid_t pid;
	int r = keep_open(&self->keep, self->n_deaths, &keeper_fd);

	if (r < 0)
		return r;
	spawn_map(&spawn, keeper_fd, fd_within_limit(KEEPER_FD));
	spawn_map(&spawn, STDOUT_FILENO, STDOUT_FILENO);
	spawn_map(&spawn, STDERR_FILENO, STDERR_FILENO);
	if (self->report_fd >= 0)
		spawn_map(&spawn, self->report_fd, fd_within_limit(REPORT_FD));
	if (self->manager_fd >= 0)
		spawn_map(&spawn, self->notify_fds[1], fd_within_limit(NOTIFY_FD));
	pid = spawn_start(&spawn);
	if (pid < 0)
		return (int)pid;
	self->pid = pid;
	return 0;
}

/* One that is just taking over gets it when it has: before, a signal would be its end. */
static void pass_signal_on(struct guard *self, int signo)
{
	if (self->pid > 0 && (self->keep.is_up || !self->n_deaths))
		kill(self->pid, signo);
	else
		sigaddset(&self->waiting, signo);
}

static void pass_waiting_signals_on(struct guard *self)
{
	static const int signals[] = { SIGHUP, SIGUSR2, SIGINT, SIGTERM };

	for (size_t i = 0; i < ARRAY_SIZE(signals) && self->keep.is_up; i++) {
		if (sigismember(&self->waiting, signals[i]) > 0)
			kill(self->pid, signals[i]);
	}
	if (self->keep.is_up)
		sigemptyset(&self->waiting);
}

static void listen_to_supervisor(struct guard *self)
{
	pass_notes_on(self);
	keep_listen(&self->keep, self->n_deaths);
	if (self->keep.is_up)
		self->n_early_deaths = 0;
	pass_waiting_signals_on(self);
}

static void handle_signal(struct guard *self, const siginfo_t *info)
{
	int signo = info->si_signo;

	switch (signo) {
	case SIGTERM:
	case SIGINT:
		/* Asked twice: no more patience. */
		self->kill_at = clock_now()
			+ (self->kill_at == USEC_NEVER ? GUARD_STOP_USEC + GUARD_GRACE_USEC : 0);
		pass_signal_on(self, signo);
		/*
		 * All of them have the same time, whoever started them; but a moment is the
		 * supervisor's own: what it starts last, and what is to outlive us, cannot be told
		 * from the rest before it is executed (PROC_OUTLIVES).
		 */
		self->ask_all_at = clock_now() + LOOK_AGAIN_USEC;
		break;
	case SIGHUP:
	case SIGUSR2:
		pass_signal_on(self, signo);
		break;
	case SIGUSR1:
		keep_note_signal(&self->keep, info->si_pid);
		break;
	case SIGIO:
		listen_to_supervisor(self);
		break;
	}
}

/* What it waits for is ended for it: then it can still end well. */
static void end_supervisor(struct guard *self)
{
	if (proc_signal_descendants(self->pid, 0, SIGKILL) == 0) {
		log_warning("the supervisor does not end, killing it");
		kill(self->pid, SIGKILL);
		self->is_given_up = true;
	}
	self->kill_at = clock_now() + LOOK_AGAIN_USEC;
}

static void watch_supervisor(struct guard *self, const sigset_t *set)
{
	while (self->pid > 0) {
		bool asks = self->ask_all_at < self->kill_at;
		siginfo_t info;
		int signo = wait_signal(set, asks ? self->ask_all_at : self->kill_at, &info);

		if (signo == SIGCHLD) {
			reap(self);
		} else if (signo > 0) {
			handle_signal(self, &info);
		} else if (asks) {
			self->ask_all_at = USEC_NEVER;
			proc_signal_descendants(getpid(), 0, SIGTERM);
		} else {
			end_supervisor(self);
		}
	}
	listen_to_supervisor(self); /* its last words: SIGCHLD comes before SIGIO */
	keep_close(&self->keep);
}

/* It ended by itself, and with it all; or it was killed, and nobody wanted that. */
static bool is_to_be_replaced(const struct guard *self)
{
	return WIFSIGNALED(self->status) && !self->is_given_up && keep_is_worth(&self->keep);
}

/* Until a stop is wanted: that needs a supervisor at once. */
static void pause_until(struct guard *self, const sigset_t *set, usec_t deadline)
{
	while (clock_now() < deadline && self->kill_at == USEC_NEVER) {
		siginfo_t info;
		int signo = wait_signal(set, deadline, &info);

		if (signo == SIGCHLD)
			reap(self);
		else if (signo > 0)
			handle_signal(self, &info);
	}
}

/* What runs is adopted by the new one: nobody's desktop depends on this one's life. */
static int replace_supervisor(struct guard *self, const sigset_t *set)
{
	usec_t pause = 0;

	self->n_deaths++;
	self->n_early_deaths++;
	if (self->n_early_deaths > N_EARLY_DEATHS) {
		pause = USEC_PER_SEC << (self->n_early_deaths - N_EARLY_DEATHS - 1);
		if (pause > PAUSE_MAX_USEC || self->n_early_deaths > 16)
			pause = PAUSE_MAX_USEC;
	}
	log_warning("the supervisor was killed by signal %d (%s): the desktop goes on, another one "
		    "is started%s",
		WTERMSIG(self->status), strsignal(WTERMSIG(self->status)),
		pause ? " after a while" : "");
	pause_until(self, set, clock_now() + pause);
	return start_supervisor(self);
}

static void supervise(struct guard *self, const sigset_t *set)
{
	watch_supervisor(self, set);
	while (is_to_be_replaced(self)) {
		int r = replace_supervisor(self, set);

		/* Its status says that it was killed: so it is tried again, later and later. */
		if (r < 0)
			log_error("cannot start %s: %s", self->program, strerror(-r));
		watch_supervisor(self, set);
	}
	keep_finish(&self->keep);
}

/*
 * Are there children, and is one of them to be ended? A single look can miss what was being
 * forked meanwhile.
 */
static bool is_any_left(struct guard *self, unsigned *n_looks)
{
	if (!reap(self))
		return false;
	if (proc_signal_descendants(getpid(), 0, 0) > 0)
		*n_looks = 0;
	return (*n_looks)++ < 2;
}

/* SIGTERM to all that is left, SIGKILL at the deadline, until there is no child any more. */
static void end_tree(struct guard *self, const sigset_t *set)
{
	unsigned n_looks = 0;

	if (self->kill_at == USEC_NEVER)
		self->kill_at = clock_now() + GUARD_STOP_USEC;
	else if (self->kill_at > GUARD_GRACE_USEC)
		self->kill_at -= GUARD_GRACE_USEC;
	if (!reap(self))
		return;
	proc_signal_descendants(getpid(), 0, SIGTERM);
	while (is_any_left(self, &n_looks)) {
		usec_t now = clock_now();
		bool late = now >= self->kill_at;
		usec_t look = now + LOOK_AGAIN_USEC;
		siginfo_t info;
		int signo;

		if (late)
			proc_signal_descendants(getpid(), 0, SIGKILL);
		signo = wait_signal(set, late || look < self->kill_at ? look : self->kill_at, &info);
		if (signo == SIGTERM || signo == SIGINT)
			self->kill_at = 0;
		else if (signo < 0 && !late)
			proc_signal_descendants(getpid(), 0, SIGTERM);
	}
}

static void clean_up(struct guard *self)
{
	sys_remove_tree(self->runtime_dir);
	if (self->runtime_base)
		sys_remove_tree(self->runtime_base);
	/* While the lock is held: who waits for it finds another file in its place and retries. */
	unlink(self->lock_file);
	self->lock_fd = fd_close(self->lock_fd);
}

static int exit_status(const struct guard *self)
{
	if (WIFEXITED(self->status))
		return WEXITSTATUS(self->status);
	log_error("the supervisor was killed by signal %d (%s): the desktop was ended",
		WTERMSIG(self->status), strsignal(WTERMSIG(self->status)));
	return 1;
}

/* Our own copies go, or whoever waits at the other ends never sees them close. */
static void let_go_of_parent(struct guard *self)
{
	int null = sys_open("/dev/null", O_RDWR, 0);

	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		close(null);
	}
	self->report_fd = fd_close(self->report_fd);
}

int guard_run(struct guard *self)
{
	sigset_t set;
	int r;

	self->kill_at = USEC_NEVER;
	self->ask_all_at = USEC_NEVER;
	keep_init(&self->keep);
	sigemptyset(&self->waiting);
	watched_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	r = open_notify(self);
	if (r < 0 && r != -ENOENT)
		log_warning("the service manager cannot be reached: %s", strerror(-r));
	r = start_supervisor(self);
	if (r < 0) {
		log_error("cannot start %s: %s", self->program, strerror(-r));
		clean_up(self);
		return 1;
	}
	let_go_of_parent(self);
	supervise(self, &set);
	end_tree(self, &set);
	clean_up(self);
	return exit_status(self);
}
