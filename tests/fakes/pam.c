/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A PAM module that is told what to do by files in the directory of its argument "dir=", and
 * appends a line to DIR/log for each call:
 *
 *	open PID user=… ruid=… euid=… tty=… class=… type=… NAME=value of DIR/show
 *
 * DIR/acct-fail, open-fail, close-fail, cred-fail: that call fails. DIR/acct-user, open-user:
 * whom PAM_USER becomes. DIR/prompt: asks a question. DIR/say: what is said. DIR/env: a line for
 * the environment. DIR/hold-open: a FIFO whose end is awaited before the session opens.
 * DIR/no-bytes: from then on no file may grow (setrlimit(2)), but this log.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAM_SM_AUTH
#define PAM_SM_ACCOUNT
#define PAM_SM_SESSION
#include <security/pam_ext.h>
#include <security/pam_modules.h>

static const char *directory(int argc, const char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], "dir=", 4) == 0)
			return argv[i] + 4;
	}
	return "/nonexistent";
}

static FILE *open_file(const char *dir, const char *name, const char *mode)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return fopen(path, mode);
}

/* The first line of DIR/@name into @text; 0: there is no such file. */
static int read_line(const char *dir, const char *name, char *text, size_t size)
{
	FILE *file = open_file(dir, name, "r");

	text[0] = '\0';
	if (!file)
		return 0;
	if (fgets(text, (int)size, file))
		text[strcspn(text, "\n")] = '\0';
	fclose(file);
	return 1;
}

static int exists(const char *dir, const char *name)
{
	char text[2];

	return read_line(dir, name, text, sizeof(text));
}

static void record(pam_handle_t *pam, const char *dir, const char *what)
{
	const void *user = NULL, *tty = NULL;
	const char *class = pam_getenv(pam, "XDG_SESSION_CLASS");
	const char *type = pam_getenv(pam, "XDG_SESSION_TYPE");
	const char *id = pam_getenv(pam, "XDG_SESSION_ID");
	struct rlimit limit, none;
	char line[1024];
	FILE *log = open_file(dir, "log", "a");
	int n, n_env = 0;

	if (!log)
		return;
	pam_get_item(pam, PAM_USER, &user);
	pam_get_item(pam, PAM_TTY, &tty);
	while (environ && environ[n_env])
		n_env++;
	n = snprintf(line, sizeof(line),
		"%s %d user=%s ruid=%d euid=%d gid=%d tty=%s class=%s type=%s id=%s umask=%o env=%d\n",
		what,
		(int)getpid(), user ? (const char *)user : "", (int)getuid(), (int)geteuid(),
		(int)getegid(), tty ? (const char *)tty : "", class ? class : "", type ? type : "",
		id ? id : "", (unsigned)umask(022), n_env);
	getrlimit(RLIMIT_FSIZE, &limit);
	none.rlim_max = limit.rlim_max;
	none.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_FSIZE, &none);
	if (write(fileno(log), line, (size_t)n) < 0)
		abort();
	setrlimit(RLIMIT_FSIZE, &limit);
	fclose(log);
}

static int change_user(pam_handle_t *pam, const char *dir, const char *name)
{
	char user[256];

	return read_line(dir, name, user, sizeof(user)) ? pam_set_item(pam, PAM_USER, user)
							: PAM_SUCCESS;
}

static void await(const char *dir, const char *name)
{
	char path[512], c;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return;
	while (read(fd, &c, 1) > 0)
		;
	close(fd);
}

int pam_sm_authenticate(pam_handle_t *pam, int flags, int argc, const char **argv)
{
	(void)flags;
	record(pam, directory(argc, argv), "authenticate");
	return PAM_AUTH_ERR;
}

int pam_sm_setcred(pam_handle_t *pam, int flags, int argc, const char **argv)
{
	const char *dir = directory(argc, argv);

	record(pam, dir, flags & PAM_DELETE_CRED ? "delete" : "establish");
	return exists(dir, "cred-fail") ? PAM_CRED_ERR : PAM_SUCCESS;
}

int pam_sm_acct_mgmt(pam_handle_t *pam, int flags, int argc, const char **argv)
{
	const char *dir = directory(argc, argv);
	char text[256];

	(void)flags;
	record(pam, dir, "acct");
	if (read_line(dir, "say", text, sizeof(text)))
		pam_info(pam, "%s", text);
	if (exists(dir, "prompt") && pam_prompt(pam, PAM_PROMPT_ECHO_OFF, NULL, "Password: "))
		return PAM_CONV_ERR;
	if (exists(dir, "acct-fail"))
		return PAM_ACCT_EXPIRED;
	return change_user(pam, dir, "acct-user");
}

int pam_sm_open_session(pam_handle_t *pam, int flags, int argc, const char **argv)
{
	const char *dir = directory(argc, argv);
	char text[256];

	(void)flags;
	await(dir, "hold-open");
	record(pam, dir, "open");
	if (read_line(dir, "env", text, sizeof(text)))
		pam_putenv(pam, text);
	if (exists(dir, "no-bytes")) {
		const struct rlimit none = { 0, RLIM_INFINITY };

		setrlimit(RLIMIT_FSIZE, &none);
	}
	if (exists(dir, "open-fail"))
		return PAM_SESSION_ERR;
	return change_user(pam, dir, "open-user");
}

int pam_sm_close_session(pam_handle_t *pam, int flags, int argc, const char **argv)
{
	const char *dir = directory(argc, argv);

	(void)flags;
	record(pam, dir, "close");
	return exists(dir, "close-fail") ? PAM_SESSION_ERR : PAM_SUCCESS;
}
