/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* The descriptor on which whoever started the daemon waits for news (CONST-5, MSG-1). */
#define REPORT_FD 202
