/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/piece.h"

#include <errno.h>

#include "base/mem.h"

int piece_note_box(struct piece *draft, const struct rect *box)
{
	struct rect *boxes;

	if (draft->n_boxes == draft->size) {
		boxes = mem_resize(draft->boxes, 2 * draft->size + 16, sizeof(*boxes));
		if (!boxes)
			return -ENOMEM;
		draft->boxes = boxes;
		draft->size = 2 * draft->size + 16;
	}
	draft->boxes[draft->n_boxes++] = *box;
	return 0;
}

void piece_unref(struct piece *self)
{
	if (!self || --self->refs > 0)
		return;
	list_remove(&self->link);
	free(self->boxes);
	free(self);
}

struct piece *piece_after(const struct list *pieces, const struct piece *self)
{
	if (self->link.next == pieces)
		return NULL;
	return list_entry(self->link.next, struct piece, link);
}
