/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What /proc says of processes. A pid alone names nobody for long: together
 * with the start time it does. See proc_pid_stat(5).
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_stat {
	pid_t parent;
	char state; /* R, S, D, Z ... */
	uint64_t start_time; /* clock ticks since boot */
	uint64_t cpu_usec; /* used so far, as exact as clock ticks are */
};

/* 0, or negative errno (-ESRCH: no such process). */
int proc_stat_read(pid_t pid, struct proc_stat *ret);

/* Start time of @pid; 0 when there is no such process. */
uint64_t proc_start_time(pid_t pid);

/*
 * Who carries this variable outlives the daemon: what locks a screen that is not ours must not
 * open it by ending.
 */
#define PROC_OUTLIVES "AFAR_OUTLIVES"

/* The kernel's 15 characters of its name, cut or not, and a NUL. */
#define PROC_NAME_MAX 16

/* 0 or negative errno (-ESRCH: no such process). */
int proc_name(pid_t pid, char ret[PROC_NAME_MAX]);

/* The value of a variable in its environment, allocated; -ENOENT: it has none. 0 or negative errno. */
int proc_variable(pid_t pid, const char *name, char **ret);

/*
 * A number from PROC_MARK_MIN on, which spawn.mark gave it or one that it descends from; 0: none.
 *
 * The environment says more, but of programs such as ssh-agent(1) and gpg-agent(1), which keep
 * their memory to themselves (PR_SET_DUMPABLE, prctl(2)), only root may read it. So the mark is
 * the one thing that is inherited, that all may see, and that means nothing to anybody: the soft
 * limit on real-time scheduled work (RLIMIT_RTTIME, getrlimit(2)), of 146,000 years at least.
 */
#define PROC_MARK_MIN (UINT64_C(1) << 62)
uint64_t proc_mark(pid_t pid);

/* The first process for which @matches is true, in no particular order; 0: none. */
pid_t proc_find(bool (*matches)(void *data, pid_t pid), void *data);

/**
 * proc_signal_descendants() - send @signo to every process below @root
 * @spare:  a pid that is left alone, with all below it (0: none)
 *
 * So are those that were started with PROC_OUTLIVES, and all below them. Zombies do not count.
 * Returns how many were signalled.
 */
unsigned proc_signal_descendants(pid_t root, pid_t spare, int signo);

/* The directory of the running program, with links resolved; caller frees. NULL on failure. */
char *proc_program_dir(void);
