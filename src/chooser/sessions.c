/* SPDX-License-Identifier: BSD-3-Clause */
#include "chooser/sessions.h"

#include <dirent.h>
#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/trusted.h"

#define SUFFIX ".desktop"
#define GROUP G_KEY_FILE_DESKTOP_GROUP
#define DEFAULT_DATA_DIRS "/usr/local/share:/usr/share"

char **sessions_directories(const char *data_dirs)
{
	g_auto(GStrv) given =
		g_strsplit(str_empty(data_dirs) ? DEFAULT_DATA_DIRS : data_dirs, ":", 0);
	char **list = xalloc(g_strv_length(given) + 2, sizeof(*list));
	size_t n = 0;

	list[n++] = xstrdup("/etc/X11/sessions");
	for (char **dir = given; *dir; dir++) {
		if (**dir == '/')
			list[n++] = xprintf("%s/xsessions", *dir);
	}
	return list;
}

void sessions_free_directories(char **directories)
{
	for (char **dir = directories; *dir; dir++)
		free(*dir);
	free(directories);
}

/* What a person reads: one line of bounded length, whatever the file says. */
static char *tidy(const char *text)
{
	GString *line = g_string_new(NULL);
	char *copy;
	int n = 0;

	for (; *text && n < SESSIONS_TEXT_MAX; text = g_utf8_next_char(text), n++) {
		gunichar c = g_utf8_get_char(text);

		g_string_append_unichar(line, g_unichar_iscntrl(c) ? ' ' : c);
	}
	copy = xstrdup(g_strstrip(line->str));
	g_string_free(line, TRUE);
	return copy;
}

/* The localised value, tidied; NULL when there is none, or none in UTF-8. */
static char *read_text(GKeyFile *file, const char *key)
{
	g_autofree char *value = g_key_file_get_locale_string(file, GROUP, key, NULL, NULL);

	return value ? tidy(value) : NULL;
}

static char *read_exec(GKeyFile *file)
{
	g_autofree char *value =
		g_key_file_get_string(file, GROUP, G_KEY_FILE_DESKTOP_KEY_EXEC, NULL);

	return !str_empty(value) && strlen(value) <= SESSIONS_EXEC_MAX ? xstrdup(value) : NULL;
}

static char *read_desktop_names(GKeyFile *file)
{
	g_auto(GStrv) names =
		g_key_file_get_string_list(file, GROUP, "DesktopNames", NULL, NULL);
	CLEANUP(strbuf) struct strbuf joined = { 0 };

	for (char **name = names; name && *name; name++) {
		if (**name)
			strbuf_printf(&joined, "%s%s", joined.length ? ":" : "", *name);
	}
	return TAKE_PTR(joined.text);
}

/* It need not run, it must be there (CHOOSE-2). */
static bool try_exec(GKeyFile *file)
{
	g_autofree char *program =
		g_key_file_get_string(file, GROUP, G_KEY_FILE_DESKTOP_KEY_TRY_EXEC, NULL);
	g_autofree char *found = NULL;

	if (str_empty(program))
		return true;
	found = g_find_program_in_path(program);
	return found != NULL;
}

static void entry_finish(struct sessions_entry *self)
{
	free(self->id);
	free(self->name);
	free(self->comment);
	free(self->exec);
	free(self->desktop_names);
}

/* NULL, or why there is nothing to list. */
static const char *fill(struct sessions_entry *self, GKeyFile *file)
{
	if (!g_key_file_has_group(file, GROUP))
		return "it has no [" GROUP "]";
	if (g_key_file_get_boolean(file, GROUP, G_KEY_FILE_DESKTOP_KEY_NO_DISPLAY, NULL)
		|| g_key_file_get_boolean(file, GROUP, G_KEY_FILE_DESKTOP_KEY_HIDDEN, NULL))
		return "it is hidden";
	if (!try_exec(file))
		return "its TryExec is not installed";
	self->name = read_text(file, G_KEY_FILE_DESKTOP_KEY_NAME);
	if (str_empty(self->name))
		return "it has no Name";
	self->exec = read_exec(file);
	if (!self->exec)
		return "it has no Exec, or a much too long one";
	self->comment = read_text(file, G_KEY_FILE_DESKTOP_KEY_COMMENT);
	if (!self->comment)
		self->comment = xstrdup("");
	self->desktop_names = read_desktop_names(file);
	return NULL;
}

static void add_file(struct sessions *self, const char *id, const char *path)
{
	CLEANUP(free) char *text = NULL;
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autoptr(GError) error = NULL;
	struct sessions_entry entry = { 0 };
	const char *why;
	size_t n = 0;
	int r = trusted_read(path, SESSIONS_FILE_MAX, &text, &n);

	if (r < 0) {
		log_warning("%s is not listed: %s", path, trusted_why(r));
		return;
	}
	if (!g_key_file_load_from_data(file, text, n, G_KEY_FILE_NONE, &error)) {
		log_warning("%s is not listed: %s", path, error->message);
		return;
	}
	why = fill(&entry, file);
	if (why) {
		log_debug("%s is not listed: %s", path, why);
		entry_finish(&entry);
		return;
	}
	entry.id = xstrdup(id);
	self->entries[self->n++] = entry;
}

/* Ids are lines elsewhere: in the list that is printed, in the remembered choice. */
static bool is_id(const char *name)
{
	for (const char *at = name; *at; at++) {
		if (g_ascii_iscntrl(*at))
			return false;
	}
	return g_str_has_suffix(name, SUFFIX) && !str_equal(name, SUFFIX);
}

static bool is_directory(int parent, const char *name)
{
	struct stat st;

	return fstatat(parent, name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

/* Adds id → path of what no earlier directory has. */
static void find_files(GHashTable *found, const char *directory)
{
	DIR *dir = opendir(directory);
	struct dirent *it;

	if (!dir) {
		if (errno != ENOENT)
			log_warning("cannot look into %s: %s", directory, strerror(errno));
		return;
	}
	while ((it = readdir(dir))) {
		const char *name = it->d_name;

		if (!is_id(name) || g_hash_table_contains(found, name)
			|| is_directory(dirfd(dir), name))
			continue;
		if (g_hash_table_size(found) == SESSIONS_MAX) {
			log_warning("%s has too many sessions: not all are listed", directory);
			break;
		}
		g_hash_table_insert(
			found, g_strdup(name), g_strdup_printf("%s/%s", directory, name));
	}
	closedir(dir);
}

static int compare(const void *a, const void *b)
{
	const struct sessions_entry *x = a, *y = b;
	int order = g_utf8_collate(x->name, y->name);

	return order ? order : strcmp(x->id, y->id);
}

void sessions_load(struct sessions *self, const char *const *directories)
{
	g_autoptr(GHashTable) found =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	GHashTableIter it;
	void *id, *path;

	for (; *directories; directories++)
		find_files(found, *directories);
	*self = (struct sessions){
		.entries = xalloc(g_hash_table_size(found) + 1, sizeof(*self->entries)),
		.n = 1,
	};
	self->entries[0] = (struct sessions_entry){
		.id = xstrdup(SESSIONS_DEFAULT),
		.name = xstrdup("Default session"),
		.comment = xstrdup("What this system starts when nothing is chosen"),
		.exec = xstrdup(SESSIONS_DEFAULT),
	};
	g_hash_table_iter_init(&it, found);
	while (g_hash_table_iter_next(&it, &id, &path))
		add_file(self, id, path);
	qsort(self->entries + 1, self->n - 1, sizeof(*self->entries), compare);
}

const struct sessions_entry *sessions_find(const struct sessions *self, const char *id)
{
	for (size_t i = 0; i < self->n; i++) {
		if (str_equal(self->entries[i].id, id))
			return &self->entries[i];
	}
	return NULL;
}

void sessions_finish(struct sessions *self)
{
	for (size_t i = 0; i < self->n; i++)
		entry_finish(&self->entries[i]);
	free(self->entries);
	*self = (struct sessions){ 0 };
}
