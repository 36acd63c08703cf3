/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Starting children. A child gets exactly what is said here: the descriptors
 * that are mapped (all others are closed), default signal dispositions, an
 * empty signal mask, the given environment. No shell is ever involved.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Descriptor @from of ours becomes @to of the child's. */
struct spawn_fd {
	int from; /* borrowed; -1: /dev/null */
	int to;
};

#define SPAWN_FDS_MAX 16

struct spawn {
	const char *const *argv;   /* NULL-terminated */
	const char *path;	   /* what is executed; NULL: argv[0], looked up in PATH */
	const char *const *envp;   /* NULL: ours */
	const char *directory;	   /* NULL: ours */
	struct spawn_fd fds[SPAWN_FDS_MAX]; /* 0, 1 and 2 default to /dev/null */
	size_t n_fds;
	bool new_session; /* setsid(2) */
	int death_signal; /* sent to it when its parent ends; 0: none */
	bool sets_listen_pid; /* fills in LISTEN_PID: spawn_env_set_listen() */
	uint64_t mark; /* proc_mark() of it and of all that descends from it; 0: as ours */
	bool becomes_user; /* @user, for good (base/privilege.h), before @directory is entered */
	uid_t user;
};

/**
 * spawn_start() - fork and execute
 *
 * Returns the pid, or negative errno when fork, chdir or exec failed: an exec failure is
 * known here (a pipe that close-on-exec closes tells), never as a later exit status.
 */
pid_t spawn_start(const struct spawn *self);

/*
 * A copy of this process that goes on where it stands: 0 in the copy, or negative errno. For
 * what cannot be another program's.
 */
pid_t spawn_fork(void);

/*
 * Raises our soft limit of descriptors to the hard one. Children of spawn_start() get back what we
 * had, as does whoever calls spawn_restore_limit() before it executes another program itself.
 */
void spawn_raise_limit(void);
void spawn_restore_limit(void);

/* From now on SIGTERM, SIGINT, SIGHUP, SIGQUIT and SIGUSR1, 2 wait for spawn_wait(). */
void spawn_hold_signals(void);

/**
 * spawn_wait() - wait for @pid, and pass on to it what others send us
 * @ret_status:  as waitpid(2) has it
 *
 * What comes from the terminal the child had already. Other children that end are reaped.
 * -ECHILD: no child of ours.
 */
int spawn_wait(pid_t pid, int *ret_status);

/* Maps @from to @to. More than SPAWN_FDS_MAX aborts. */
void spawn_map(struct spawn *self, int from, int to);

/*
 * An environment under construction: "NAME=value" strings, NULL-terminated,
 * all allocated.
 */
struct spawn_env {
	char **vars;
	size_t n;
};

/* A copy of @from (NULL: empty). -ENOMEM. */
int spawn_env_init(struct spawn_env *self, char *const *from);
/* Sets or replaces @name; NULL @value removes it. -ENOMEM. */
int spawn_env_set(struct spawn_env *self, const char *name, const char *value);
/* Borrowed, until the next change; NULL when unset. */
const char *spawn_env_get(const struct spawn_env *self, const char *name);
/**
 * spawn_env_set_listen() - announce @n listening sockets, which are mapped to 3 and on
 *
 * As systemd does it, sd_listen_fds(3). LISTEN_PID has room for the pid, which is known only
 * when the child is there: spawn.sets_listen_pid. -ENOMEM.
 */
int spawn_env_set_listen(struct spawn_env *self, unsigned n);
void spawn_env_finish(struct spawn_env *self);

static inline void cleanup_spawn_env(struct spawn_env *self)
{
	spawn_env_finish(self);
}
