/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Removes the sockets that session managers of ours which were killed left in
 * /tmp/.ICE-unix (D-17), and the notes that xfce4-session leaves in /tmp
 * however it ends. Sockets are named after the process; one that still
 * listens, or belongs to somebody else, stays, and its notes with it.
 */
void ice_remove_stale(void);
