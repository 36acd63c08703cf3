/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * When guard and supervisor were killed at once nobody was there to end their desktop, and nobody
 * can take it over. The next one ends what is left of it before it starts: never two desktops of
 * one home. SUP-10.
 *
 * Not found are those whom only root could ask or end: who runs as another user, as under sudo(8),
 * and, where /proc hides others' processes (hidepid, proc(5)), who keeps his memory to himself.
 */

struct family;

/*
 * Ends all of them and waits until they are gone: 10 s, after which they are killed. For start-up.
 * Returns 0 or negative errno.
 */
int strays_end(const struct family *family);
