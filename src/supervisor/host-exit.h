/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* What a host says by its exit status: EXIT-1, HOST-8. */

#include <stdbool.h>

/* In words, when starting it again cannot mend it; NULL otherwise. */
const char *host_exit_text(int status);

/* Its name among the reasons for being offline (HOST-8); NULL as above. */
const char *host_exit_reason(int status);

/* Does the configuration stand for a host that has been deleted? Then it is cleared. */
bool host_exit_means_deleted(int status);
