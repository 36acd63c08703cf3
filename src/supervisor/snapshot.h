/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <jansson.h>

struct supervisor;

/* How things stand, as a status document (wire/status.h): a new reference, NULL when out of memory. */
json_t *snapshot_make(const struct supervisor *supervisor);
