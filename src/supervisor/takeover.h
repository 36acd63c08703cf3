/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The other half of handover.h: a supervisor goes on where its predecessor stood. What that one
 * wrote down is read, its children and pipes are adopted, each part goes on as the policy has
 * it, and what had been begun and not been written down is undone.
 */

struct keeper_events;
struct supervisor;

/*
 * From supervisor->handover.legacy, once all parts have been created and the policy has been
 * initialised. Events of parts are held meanwhile, by the caller.
 */
void takeover_adopt(struct supervisor *supervisor);

/* What the guard tells, for keeper_listen(); their data is the supervisor. */
extern const struct keeper_events takeover_events;
