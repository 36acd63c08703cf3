/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * The desktop that the viewers see: capture, scene, cursor and input of one
 * display, put together. It outlives displays: the supervisor tells when one
 * comes and goes, and between two there is simply no picture.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor;
struct desktop;
struct host;
struct input;
struct scene;
struct stages;
struct video;

/* NULL: out of memory. */
struct desktop *desktop_create(struct host *host);

/*
 * @display: ":20"; @xauthority: path, or "" where none is needed. A failure is logged and
 * retried at the next attach, which comes soon when it was that the server does not answer.
 */
void desktop_attach(struct desktop *self, const char *display, const char *xauthority);

/* Does it have that display's picture, or is it about to? */
bool desktop_is_attached_to(const struct desktop *self, const char *display);

/* A viewer wants something of the display: is it still there? See x-watch.h. */
void desktop_want(struct desktop *self);

/*
 * An input goes to the display, and is about to be flushed: when does it get there? @arrived:
 * when its message came; @within: see stages.h.
 */
void desktop_time_input(struct desktop *self, uint64_t arrived, uint64_t within);

/* Clients are told that there is no picture. */
void desktop_detach(struct desktop *self);

void desktop_destroy(struct desktop *self);

/* Borrowed; they exist all the time, with or without a display. */
struct scene *desktop_scene(struct desktop *self);
struct video *desktop_video(struct desktop *self);
struct cursor *desktop_cursor(struct desktop *self);
struct input *desktop_input(struct desktop *self);
const struct stages *desktop_stages(const struct desktop *self);
