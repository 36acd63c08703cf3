/* SPDX-License-Identifier: BSD-3-Clause */
#include "chooser/window.h"

#include <errno.h>
#include <gdk/gdkx.h>
#include <gtk/gtk.h>

#include "base/mem.h"
#include "base/str.h"

#define WIDTH_PX 600
#define HEIGHT_PX 400
#define BORDER_PX 6
#define NAME_CHARS_MAX 30 /* the width of the first column */

enum column {
	COLUMN_NAME,
	COLUMN_COMMENT,
	COLUMN_ENTRY,
	N_COLUMNS,
};

struct window {
	GtkDialog *dialog;
	GtkTreeView *tree;
	GtkToggleButton *always; /* NULL: not offered */
};

static bool has_session_bus(void)
{
	const char *runtime = g_getenv("XDG_RUNTIME_DIR");
	g_autofree char *bus = runtime ? g_build_filename(runtime, "bus", NULL) : NULL;

	return !str_empty(g_getenv("DBUS_SESSION_BUS_ADDRESS"))
		|| (bus && g_file_test(bus, G_FILE_TEST_EXISTS));
}

bool window_init(void)
{
	/* What is started here are X sessions; $WAYLAND_DISPLAY would be another desktop's. */
	gdk_set_allowed_backends("x11");
	/*
	 * Without a session bus, libatspi would start one that outlives us: GTK is to do
	 * without it. The session gets the environment as it was (see launch_exec()).
	 */
	if (!has_session_bus())
		g_setenv("NO_AT_BRIDGE", "1", TRUE);
	return gtk_init_check(NULL, NULL);
}

static GtkListStore *make_rows(const struct sessions *sessions)
{
	GtkListStore *rows =
		gtk_list_store_new(N_COLUMNS, G_TYPE_STRING, G_TYPE_STRING, G_TYPE_POINTER);

	for (size_t i = 0; i < sessions->n; i++) {
		const struct sessions_entry *entry = &sessions->entries[i];

		gtk_list_store_insert_with_values(rows, NULL, -1, COLUMN_NAME, entry->name,
			COLUMN_COMMENT, entry->comment, COLUMN_ENTRY, entry, -1);
	}
	return rows;
}

/* @width_chars: -1: what the others leave */
static void add_column(
	GtkTreeView *tree, const char *title, enum column column, int width_chars)
{
	GtkCellRenderer *cell = gtk_cell_renderer_text_new();
	GtkTreeViewColumn *added =
		gtk_tree_view_column_new_with_attributes(title, cell, "text", column, NULL);

	g_object_set(cell, "ellipsize", PANGO_ELLIPSIZE_END, "width-chars", width_chars, NULL);
	gtk_tree_view_column_set_resizable(added, TRUE);
	gtk_tree_view_column_set_expand(added, width_chars < 0);
	gtk_tree_view_append_column(tree, added);
}

static int longest_name(const struct sessions *sessions)
{
	glong longest = 0;

	for (size_t i = 0; i < sessions->n; i++)
		longest = MAX(longest, g_utf8_strlen(sessions->entries[i].name, -1));
	return (int)MIN(longest, NAME_CHARS_MAX);
}

static void handle_row(
	GtkTreeView *tree, GtkTreePath *path, GtkTreeViewColumn *column, void *data)
{
	(void)tree;
	(void)path;
	(void)column;
	gtk_dialog_response(data, GTK_RESPONSE_OK);
}

static void select_row(struct window *self, const struct window_question *question)
{
	GtkTreeSelection *selection = gtk_tree_view_get_selection(self->tree);
	g_autoptr(GtkTreePath) path = NULL;
	int row = 0;

	for (size_t i = 0; question->selected && i < question->sessions->n; i++) {
		if (str_equal(question->sessions->entries[i].id, question->selected))
			row = (int)i;
	}
	gtk_tree_selection_set_mode(selection, GTK_SELECTION_BROWSE);
	path = gtk_tree_path_new_from_indices(row, -1);
	gtk_tree_view_set_cursor(self->tree, path, NULL, FALSE);
}

static GtkWidget *make_list(struct window *self, const struct window_question *question)
{
	g_autoptr(GtkListStore) rows = make_rows(question->sessions);
	GtkWidget *tree = gtk_tree_view_new_with_model(GTK_TREE_MODEL(rows));
	GtkWidget *frame = gtk_scrolled_window_new(NULL, NULL);

	self->tree = GTK_TREE_VIEW(tree);
	add_column(self->tree, "Session", COLUMN_NAME, longest_name(question->sessions));
	add_column(self->tree, "Description", COLUMN_COMMENT, -1);
	gtk_tree_view_set_search_column(self->tree, COLUMN_NAME);
	atk_object_set_name(gtk_widget_get_accessible(tree), "Sessions");
	g_signal_connect(tree, "row-activated", G_CALLBACK(handle_row), self->dialog);
	select_row(self, question);

	gtk_scrolled_window_set_shadow_type(GTK_SCROLLED_WINDOW(frame), GTK_SHADOW_IN);
	gtk_container_add(GTK_CONTAINER(frame), tree);
	return frame;
}

static void fill(struct window *self, const struct window_question *question)
{
	GtkBox *content = GTK_BOX(gtk_dialog_get_content_area(self->dialog));
	GtkWidget *label = gtk_label_new_with_mnemonic("_Choose the session to start:");
	GtkWidget *list = make_list(self, question);

	gtk_container_set_border_width(GTK_CONTAINER(self->dialog), BORDER_PX);
	gtk_box_set_spacing(content, BORDER_PX);
	gtk_label_set_xalign(GTK_LABEL(label), 0);
	gtk_label_set_line_wrap(GTK_LABEL(label), TRUE);
	gtk_label_set_mnemonic_widget(GTK_LABEL(label), GTK_WIDGET(self->tree));
	gtk_box_pack_start(content, label, FALSE, FALSE, 0);
	gtk_box_pack_start(content, list, TRUE, TRUE, 0);
	if (question->may_remember) {
		GtkWidget *always =
			gtk_check_button_new_with_mnemonic("_Always start this session");

		self->always = GTK_TOGGLE_BUTTON(always);
		gtk_toggle_button_set_active(self->always, question->remembered);
		gtk_box_pack_start(content, always, FALSE, FALSE, 0);
	}
	gtk_dialog_add_button(self->dialog, "_OK", GTK_RESPONSE_OK);
	gtk_dialog_set_default_response(self->dialog, GTK_RESPONSE_OK);
	gtk_widget_grab_focus(GTK_WIDGET(self->tree));
}

static bool has_window_manager(GdkScreen *screen)
{
	return gdk_x11_screen_supports_net_wm_hint(
		screen, gdk_atom_intern_static_string("_NET_ACTIVE_WINDOW"));
}

/* Into the middle of the first monitor, and no larger than that. */
static void place(struct window *self)
{
	GtkWindow *window = GTK_WINDOW(self->dialog);
	GdkDisplay *display = gtk_widget_get_display(GTK_WIDGET(window));
	GdkMonitor *monitor = gdk_display_get_primary_monitor(display);
	GdkRectangle area;
	int width, height;

	if (!monitor)
		monitor = gdk_display_get_monitor(display, 0);
	if (!monitor)
		return;
	gdk_monitor_get_workarea(monitor, &area);
	width = MIN(WIDTH_PX, area.width);
	height = MIN(HEIGHT_PX, area.height);
	gtk_window_resize(window, width, height);
	gtk_window_move(
		window, area.x + (area.width - width) / 2, area.y + (area.height - height) / 2);
}

static void handle_monitors(GdkScreen *screen, void *data)
{
	if (!has_window_manager(screen))
		place(data);
}

/*
 * Nobody gives the keyboard to a window when there is no window manager. When the window goes,
 * the focus follows the pointer, as it does on a fresh server: a session without a window
 * manager could not be typed into otherwise.
 */
static gboolean handle_mapped(GtkWidget *widget, GdkEvent *event, void *data)
{
	GdkWindow *window = gtk_widget_get_window(widget);
	GdkDisplay *display = gtk_widget_get_display(widget);

	(void)event;
	(void)data;
	if (has_window_manager(gtk_widget_get_screen(widget))) {
		gtk_window_present(GTK_WINDOW(widget));
		return FALSE;
	}
	gdk_x11_display_error_trap_push(display);
	XSetInputFocus(gdk_x11_display_get_xdisplay(display), gdk_x11_window_get_xid(window),
		RevertToPointerRoot, CurrentTime);
	gdk_x11_display_error_trap_pop_ignored(display);
	return FALSE;
}

static void show(struct window *self)
{
	GtkWidget *widget = GTK_WIDGET(self->dialog);
	GdkScreen *screen = gtk_widget_get_screen(widget);
	g_autoptr(GdkCursor) cursor =
		gdk_cursor_new_from_name(gtk_widget_get_display(widget), "default");

	gtk_window_set_title(GTK_WINDOW(widget), "Choose a session");
	gtk_window_set_default_size(GTK_WINDOW(widget), WIDTH_PX, HEIGHT_PX);
	gtk_window_set_position(GTK_WINDOW(widget), GTK_WIN_POS_CENTER);
	gtk_widget_add_events(widget, GDK_STRUCTURE_MASK);
	g_signal_connect(widget, "map-event", G_CALLBACK(handle_mapped), NULL);
	gtk_widget_realize(widget);
	/* The root window's is a cross. */
	gdk_window_set_cursor(gtk_widget_get_window(widget), cursor);
	if (!has_window_manager(screen))
		place(self);
	gtk_widget_show_all(widget);
}

int window_ask(const struct window_question *question, struct window_answer *ret)
{
	struct window self = { .dialog = GTK_DIALOG(gtk_dialog_new()) };
	GdkScreen *screen = gtk_widget_get_screen(GTK_WIDGET(self.dialog));
	gulong watch;
	GtkTreeModel *rows;
	GtkTreeIter row;
	int r = -ECANCELED;

	fill(&self, question);
	watch = g_signal_connect(
		screen, "monitors-changed", G_CALLBACK(handle_monitors), &self);
	show(&self);
	if (gtk_dialog_run(self.dialog) == GTK_RESPONSE_OK
		&& gtk_tree_selection_get_selected(
			gtk_tree_view_get_selection(self.tree), &rows, &row)) {
		void *entry;

		gtk_tree_model_get(rows, &row, COLUMN_ENTRY, &entry, -1);
		ret->entry = entry;
		ret->always = self.always && gtk_toggle_button_get_active(self.always);
		r = 0;
	}
	g_signal_handler_disconnect(screen, watch);
	gtk_widget_destroy(GTK_WIDGET(self.dialog));
	return r;
}
