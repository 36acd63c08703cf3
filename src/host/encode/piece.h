/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * A piece of a frame, encoded or being so, kept until all members of its group have taken it.
 * What it brings up to date is known all the while: whoever goes on without it has these boxes
 * dirty.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "host/encode/encode.h"
#include "host/scene/rect.h"
#include "host/stats.h"
#include "wire/stream.h"

struct piece {
	struct list link;
	unsigned refs;
	uint64_t number; /* in its group */
	bool more;
	enum stream_codec codec; /* 0: it is for a FRAME, and not a PICTURE */
	bool key;
	bool half;
	struct rect at;
	struct stats_work work;
	struct rect *boxes; /* what it brings up to date; only of a group of several */
	size_t n_boxes;
	size_t size;
	bool is_coding;  /* the encoder has @body, and one of the references */
	size_t expected; /* its bytes, until they are known */
	usec_t spent;    /* by the main thread, to make it */
	struct encode_body body;
};

/* With one reference, of whoever makes it. NULL: no memory. */
struct piece *piece_create(void);

/* -ENOMEM. */
int piece_note_box(struct piece *self, const struct rect *box);

/* Takes NULL. The last one takes it off its group's list, too. */
void piece_unref(struct piece *self);

/* The next one of @pieces, its group's; NULL: it is the last. */
struct piece *piece_after(const struct list *pieces, const struct piece *self);
