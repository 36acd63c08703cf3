/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The framebuffer as X itself has it, by a plain GetImage of the root window
 * on a connection of its own: what a viewer's picture is compared with. For
 * each line on stdin it writes "WIDTH HEIGHT\n" and the pixels, RGB.
 */
#include <stdio.h>
#include <stdlib.h>

#include "window.h"

static void write_screen(struct window *window)
{
	const uint32_t n = (uint32_t)window->width * window->height;
	xcb_get_image_reply_t *image = xcb_get_image_reply(window->connection,
		xcb_get_image(window->connection, XCB_IMAGE_FORMAT_Z_PIXMAP, window->screen->root, 0,
			0, window->width, window->height, UINT32_MAX),
		NULL);
	const uint8_t *pixels;
	uint8_t *rgb = malloc(n * 3);

	if (!image || !rgb || xcb_get_image_data_length(image) != (int)(n * 4))
		window_fail("the screen cannot be read");
	pixels = xcb_get_image_data(image);
	for (uint32_t i = 0; i < n; i++) {
		rgb[i * 3] = pixels[i * 4 + 2];
		rgb[i * 3 + 1] = pixels[i * 4 + 1];
		rgb[i * 3 + 2] = pixels[i * 4];
	}
	printf("%u %u\n", window->width, window->height);
	fwrite(rgb, 3, n, stdout);
	fflush(stdout);
	free(rgb);
	free(image);
}

int main(void)
{
	struct window window;
	char line[64];

	window_connect(&window);
	while (fgets(line, sizeof(line), stdin)) {
		window_measure(&window);
		write_screen(&window);
	}
	return 0;
}
