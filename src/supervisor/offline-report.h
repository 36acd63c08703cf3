/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The last words of a daemon that gives up, by the contract: its host is run once more to tell
 * the vendor's directory why it is offline (OFF-1), for a limited time (D-25).
 */

struct offline_report;
struct supervisor;

int offline_report_create(struct offline_report **ret, struct supervisor *supervisor);
void offline_report_destroy(struct offline_report *self);

/**
 * offline_report_start() - run it
 * @done:  called once, from the loop, whatever came of it
 *
 * Returns 0, or negative errno: then @done is not called.
 */
int offline_report_start(
	struct offline_report *self, const char *reason, void (*done)(void *data), void *data);
