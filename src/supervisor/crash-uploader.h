/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The vendor's crash uploader: kept running beside its host when the configuration consents
 * (CRU-1, START-10). Without consent, or where there is none, it is off.
 */

#include <stddef.h>
#include <sys/types.h>

struct crash_uploader;
struct supervisor;

int crash_uploader_create(struct crash_uploader **ret, struct supervisor *supervisor);
void crash_uploader_destroy(struct crash_uploader *self);

int crash_uploader_start(struct supervisor *supervisor, char *text, size_t size);
void crash_uploader_stop(struct supervisor *supervisor);
pid_t crash_uploader_pid(const struct supervisor *supervisor);
