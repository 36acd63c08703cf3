/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* What the page calls. Targets of tests/fuzz include these files, and keep it to themselves. */
#ifdef __wasm__
#define EXPORT(name) __attribute__((export_name(#name)))
#else
#define EXPORT(name) static
#endif
