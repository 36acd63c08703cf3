/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * A text in shared memory of which there is always one whole version, whoever is killed while
 * the next is being written: two places, each with a number and a checksum, written in turn. The
 * memory (memfd_create(2), sealed against another size) outlives the process with whoever
 * holds its descriptor.
 */

#include <stddef.h>
#include <stdint.h>

#define SLOTS_TEXT_MAX (8U << 20) /* bytes; what is not used costs no memory */

struct slots {
	int fd;
	uint8_t *map; /* NULL: there is none */
};

/* Makes the memory. 0 or negative errno. */
int slots_create(struct slots *self);

/* Takes over that of another process. @fd: taken. 0 or negative errno (-EBADMSG: it is none). */
int slots_open(struct slots *self, int fd);

/* The next version. 0; -EFBIG. */
int slots_write(struct slots *self, const char *text, size_t n);

/**
 * slots_read() - the newest whole version
 * @ret:  allocated, NUL behind the last byte
 *
 * Returns 0 or negative errno; -ENODATA: none is there.
 */
int slots_read(const struct slots *self, char **ret, size_t *ret_n);

/* Safe on a zeroed one. */
void slots_finish(struct slots *self);
