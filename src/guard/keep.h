/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What the guard holds for the supervisor that comes after one that was killed: descriptors by
 * name, and how children ended whose parent it has become (base/keeper-socket.h). It knows
 * nothing of what they mean, but for the log, which its own words follow from file to file.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "base/keeper-socket.h"

#define KEEP_N_FDS 64
#define KEEP_N_CHILDREN 64

struct keep_child {
	pid_t pid; /* 0: free */
	bool ended;
	int status; /* as waitpid(2) has it */
};

struct keep {
	int socket; /* to the supervisor that runs; -1: none */
	struct {
		char name[KEEPER_NAME_MAX];
		int fd; /* -1: free */
	} fds[KEEP_N_FDS];
	struct keep_child children[KEEP_N_CHILDREN];
	pid_t signaller; /* of SIGUSR1, while nobody was there to be told; 0: none */
	bool is_up;	 /* the one that runs has said KEEPER_UP */
};

void keep_init(struct keep *self);

/**
 * keep_open() - a socket for a new supervisor, with all that is kept for it in it
 * @n_deaths:  it is told that
 * @ret_fd:    its end, close-on-exec; the caller closes it
 *
 * SIGIO comes whenever it has said something. Returns 0 or negative errno.
 */
int keep_open(struct keep *self, int n_deaths, int *ret_fd);

/* Takes in what the supervisor has said by now. */
void keep_listen(struct keep *self, int n_deaths);

/* After the supervisor's end: its last words are taken in, its end of the socket is of no use. */
void keep_close(struct keep *self);

/* Does the supervisor want to know of its end? It has not ended yet. */
bool keep_has_child(struct keep *self, pid_t pid);

/* A child of ours was reaped. */
void keep_note_end(struct keep *self, pid_t pid, int status);

/* SIGUSR1 came from there. */
void keep_note_signal(struct keep *self, pid_t pid);

/* Is anything kept, so that one that comes after could take it over? */
bool keep_is_worth(const struct keep *self);

/* Closes all that is kept. */
void keep_finish(struct keep *self);
