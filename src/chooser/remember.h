/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The session that is always started, once its user has said so: one line with its id (see
 * sessions.h) in ~/.config/afar/session-choice. Own flavour only; the contract asks each time
 * (CHOOSE-7).
 */

/**
 * remember_load() - what was chosen
 * @ret_id: allocated
 *
 * -ENOENT: nothing; -EBADMSG: no such line; else as trusted_read().
 */
int remember_load(const char *path, char **ret_id);

/* Makes the directory if need be. A crash leaves the old choice or the new one. */
int remember_save(const char *path, const char *id);

/* Nothing there is success. */
int remember_forget(const char *path);
