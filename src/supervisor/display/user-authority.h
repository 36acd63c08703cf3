/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The user's own ~/.Xauthority, which the contract has a display's entry in (XCH-4): entries are
 * added and removed under the lock that xauth(1) takes, others' are kept, and a crash leaves the
 * file as it was or as it is to be. Xau(3).
 */

#include "supervisor/display/authority.h"

/**
 * user_authority_add() - add the entry of display @number, in the place of an older one
 *
 * Also makes the file. Returns 0, -EBUSY when another program keeps it locked, or negative errno.
 */
int user_authority_add(const char *path, unsigned number);

/*
 * Removes it again, and the file with its last entry (D-18). Failures leave a stale entry, no more.
 */
void user_authority_remove(const char *path, unsigned number);
