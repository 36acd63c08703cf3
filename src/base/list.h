/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * A doubly linked ring that lives inside its elements. The head is a link
 * too; an empty list is a head that points at itself.
 */

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *previous;
	struct list *next;
};

static inline void list_init(struct list *self)
{
	self->previous = self;
	self->next = self;
}

static inline bool list_empty(const struct list *self)
{
	return self->next == self;
}

static inline void list_append(struct list *head, struct list *element)
{
	element->previous = head->previous;
	element->next = head;
	head->previous->next = element;
	head->previous = element;
}

/* Safe on an element that was removed already. */
static inline void list_remove(struct list *element)
{
	element->previous->next = element->next;
	element->next->previous = element->previous;
	list_init(element);
}

#define list_entry(link, type, member) ((type *)((char *)(link) - offsetof(type, member)))

#define list_first(head, type, member) list_entry((head)->next, type, member)

/* @safe holds the next element, so that @it may be removed. */
#define list_for_each_safe(it, safe, head, member)                                             \
	for (it = list_entry((head)->next, __typeof__(*it), member),                           \
	    safe = list_entry(it->member.next, __typeof__(*it), member);                       \
		&it->member != (head);                                                         \
		it = safe, safe = list_entry(it->member.next, __typeof__(*it), member))

#define list_for_each(it, head, member)                                                        \
	for (it = list_entry((head)->next, __typeof__(*it), member); &it->member != (head);    \
		it = list_entry(it->member.next, __typeof__(*it), member))
