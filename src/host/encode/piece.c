/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/encode/piece.h"

#include <errno.h>

#include "base/mem.h"

struct piece *piece_create(void)
{
	struct piece *self = mem_new(struct piece);

	if (!self)
		return NULL;
	list_init(&self->link);
	self->refs = 1;
	return self;
}

int piece_note_box(struct piece *self, const struct rect *box)
{
	struct rect *boxes;

	if (self->n_boxes == self->size) {
		boxes = mem_resize(self->boxes, 2 * self->size + 16, sizeof(*boxes));
		if (!boxes)
			return -ENOMEM;
		self->boxes = boxes;
		self->size = 2 * self->size + 16;
	}
	self->boxes[self->n_boxes++] = *box;
	return 0;
}

void piece_unref(struct piece *self)
{
	if (!self || --self->refs > 0)
		return;
	list_remove(&self->link);
	free(self->boxes);
	free(self->body.block);
	free(self);
}

struct piece *piece_after(const struct list *pieces, const struct piece *self)
{
	if (self->link.next == pieces)
		return NULL;
	return list_entry(self->link.next, struct piece, link);
}
