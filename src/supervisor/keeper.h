/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The supervisor's side of base/keeper-socket.h: what a predecessor left with the guard, and
 * what is left there for a successor. Without a guard (tests) all of it does nothing: every
 * function takes a NULL keeper.
 */

#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

struct keeper;

struct keeper_events {
	/* A child whose parent the guard is has ended; @status: as waitpid(2) has it. */
	void (*handle_ended)(void *data, pid_t pid, int status);
	/* SIGUSR1 came to the guard from there. */
	void (*handle_signalled)(void *data, pid_t pid);
	/* The guard said, when we started, that it knows of this child of our predecessor's. */
	void (*handle_known)(void *data, pid_t pid);
};

/**
 * keeper_open() - read all that was kept
 * @fd:  KEEPER_FD; taken
 *
 * Waits for the guard. Returns 0 or negative errno.
 */
int keeper_open(struct keeper **ret, int fd);

/* How many supervisors have died before this one. */
int keeper_n_deaths(const struct keeper *self);

/* What was kept under this name: the caller's from now on; -1: nothing. The guard keeps its copy. */
int keeper_take(struct keeper *self, const char *name);

/*
 * Nothing of it can be used: the guard gives it all up before this returns, or a port would stay
 * taken. Ends of children are still told. 0 or negative errno.
 */
int keeper_drop_all(struct keeper *self);

/* Leaves a copy of @fd with the guard, in place of one of the same name. */
void keeper_keep(struct keeper *self, const char *name, int fd);
void keeper_drop(struct keeper *self, const char *name);

/* The guard's own words go there from now on. */
void keeper_log(struct keeper *self, int fd);

/* The guard is to remember how this child ends, until it is told to forget. */
void keeper_child(struct keeper *self, pid_t pid);
void keeper_forget(struct keeper *self, pid_t pid);

/* Asks for all of it again, before this process becomes another program. */
int keeper_repeat(struct keeper *self);

/* After keeper_repeat(), when it stayed the program that it was. */
void keeper_up(struct keeper *self);

/* Did it end, as far as the guard has told us? */
bool keeper_has_end(const struct keeper *self, pid_t pid);

/* Asks again, for what has happened since we started. 0 or negative errno. */
int keeper_refresh(struct keeper *self);

/**
 * keeper_listen() - all is taken over: hand out what has happened meanwhile, then watch
 * @events:  borrowed
 *
 * What was kept and nobody took is dropped. Returns 0 or negative errno.
 */
int keeper_listen(struct keeper *self, sd_event *event, const struct keeper_events *events,
	void *data);

void keeper_destroy(struct keeper *self);
