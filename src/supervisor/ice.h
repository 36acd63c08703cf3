/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Removes the sockets that session managers of ours which were killed left in
 * /tmp/.ICE-unix (D-17). Theirs is named after the process; one that still
 * listens, or belongs to somebody else, stays.
 */
void ice_remove_stale(void);
