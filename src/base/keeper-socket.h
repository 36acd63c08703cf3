/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What guard and supervisor say to each other, so that a supervisor that was killed leaves
 * nothing behind that its successor could not take over: messages of one fixed shape on a
 * SOCK_SEQPACKET pair, some with a descriptor. The supervisor's end is KEEPER_FD.
 *
 * A supervisor's first act is to read what was kept for it, to KEEPER_BEGIN; nothing was, when
 * the desktop starts. The guard serves many versions of supervisors in its life: types are added
 * here, never changed.
 */

#include <stdint.h>
#include <sys/types.h>

#define KEEPER_FD 204

#define KEEPER_NAME_MAX 32 /* with the NUL */

enum keeper_type {
	/* supervisor -> guard */
	KEEPER_KEEP = 1, /* name, descriptor: hold it for whoever comes after me */
	KEEPER_DROP,	 /* name */
	KEEPER_CHILD,	 /* pid: a child whose end has to be told to whoever comes after me */
	KEEPER_FORGET,	 /* pid */
	KEEPER_UP,	 /* all is taken over: signals may come */
	KEEPER_REPEAT,	 /* tell me again what is kept: I am about to be another program */

	/* guard -> supervisor */
	KEEPER_HELD,	   /* name, descriptor */
	KEEPER_KNOWN,	   /* pid: a child that lives, as far as the guard knows */
	KEEPER_ENDED,	   /* pid, value: its wait status; again to every successor until _FORGET */
	KEEPER_SIGNALLED,  /* pid: who sent SIGUSR1 to the guard, being its child now (HL-2) */
	KEEPER_BEGIN,	   /* that was all; value: how often a supervisor has died before */

	/* supervisor -> guard */
	KEEPER_LOG, /* descriptor: another file is the log now; write to that */
};

struct keeper_message {
	uint32_t type;
	int32_t pid;
	int32_t value;
	char name[KEEPER_NAME_MAX];
};

/**
 * keeper_socket_send() - one message, at once or not at all
 * @fd:  goes with it; -1: none
 *
 * Returns 0 or negative errno; -EAGAIN: the other side is behind.
 */
int keeper_socket_send(int socket, const struct keeper_message *message, int fd);

/**
 * keeper_socket_receive() - the next message, without waiting
 * @ret_fd:  what came with it, close-on-exec, or -1; the caller closes it
 *
 * Returns 0, or negative errno: -EAGAIN: none is there; -EPIPE: the other side is gone; -EBADMSG:
 * it is no message, and was passed over. The name has a NUL.
 */
int keeper_socket_receive(int socket, struct keeper_message *ret, int *ret_fd);
