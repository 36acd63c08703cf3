/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Files that decide what is started are believed only when nobody but root and this user can
 * have written them (T11 of the threat model, CFG-06 of its catalogue, D-32).
 */

#include <stddef.h>

/**
 * trusted_read() - the contents of such a file
 * @max:   more than this is -EFBIG
 * @ret:   allocated, NUL behind the last byte; the caller frees it
 *
 * Never hangs: anything but a regular file is -EINVAL (a directory: -EISDIR). -EPERM: it is
 * another user's, or its group or everybody may write it.
 */
int trusted_read(const char *path, size_t max, char **ret, size_t *ret_n);

/* The same question alone: 0, or an error as above. */
int trusted_check(const char *path);

/* Why a file was not read, in words for a log: strerror() would call -EPERM ours. */
const char *trusted_why(int error);
