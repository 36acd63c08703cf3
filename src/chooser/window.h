/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The dialog (CHOOSE-5): a list of sessions, and OK. All of it works by keyboard: arrows, or
 * the first letters of a name; Enter takes, Escape closes. It comes up before the desktop does:
 * where there is no window manager it puts itself into the middle of the screen, also when that
 * changes its size, and takes the keyboard.
 */

#include <stdbool.h>

#include "chooser/sessions.h"

struct window_question {
	const struct sessions *sessions; /* borrowed */
	const char *selected; /* id; NULL or none of these: the first */
	bool may_remember;    /* offers to start the choice always from now on */
	bool remembered;      /* that is so already */
};

struct window_answer {
	const struct sessions_entry *entry; /* borrowed of the question's sessions */
	bool always;
};

/* Connects to $DISPLAY, once, before anything else here. False: that cannot be reached. */
bool window_init(void);

/* Shows it until it is answered or closed; -ECANCELED for the latter. */
int window_ask(const struct window_question *question, struct window_answer *ret);
