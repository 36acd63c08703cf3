/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The host: its process, and what we say to each other on its --control-fd
 * (wire/control.h). It gets the configuration on stdin, the listening sockets
 * as descriptors, and tells by SIGUSR1 that it accepts (HL-1..3, HOST-3).
 *
 * A host that has been given up is replaced by one that serves the status
 * page alone (--report-offline-reason), so that a browser always finds
 * somebody.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire/control.h"

struct host_process;
struct supervisor;

int host_process_create(struct host_process **ret, struct supervisor *supervisor);
void host_process_destroy(struct host_process *self);

int host_process_start(struct supervisor *supervisor, char *text, size_t size);
void host_process_stop(struct supervisor *supervisor);
pid_t host_process_pid(const struct supervisor *supervisor);
/*
 * Once this supervisor has been replaced: a host whose program is another one now is replaced as
 * well, when nobody looks on; @now: at once.
 */
void host_process_want_new(struct host_process *self, bool now);

json_t *host_process_save(const struct supervisor *supervisor);
void host_process_adopt(struct supervisor *supervisor, const json_t *from);

/* The configuration as a descriptor for a host's stdin (CFG-7); negative errno. The caller closes it. */
int host_process_make_stdin(struct supervisor *supervisor);

/* The status page alone, for @reason. Failures are logged. */
void host_process_start_offline(struct host_process *self, const char *reason);

/* SIGUSR1 came from @sender. */
void host_process_handle_signal(struct host_process *self, pid_t sender);

/*
 * Sends; what the host does not read in time is its loss. Returns 0 or negative errno, which has
 * been logged, or -ENOTCONN: there is no host.
 */
int host_process_send(struct host_process *self, const struct control_message *message);

/* Tells it a little later how everything stands: there was no memory to do so now. */
void host_process_retell(struct host_process *self);

/* Tells it of the display, as things stand. */
void host_process_send_display(struct host_process *self);

/**
 * host_process_make_link() - have a one-time link made
 * @done:  called once from the loop: @token is NULL when there is no host to make it
 *
 * -EBUSY when too many wait.
 */
int host_process_make_link(struct host_process *self,
	void (*done)(void *data, const char *token), void *data);

/* @done is not called for @data any more. */
void host_process_forget_link(struct host_process *self, const void *data);
