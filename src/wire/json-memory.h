/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* jansson's memory comes from base/mem.h, as all else does: call it first, before any JSON. */
void json_memory_init(void);
