/* SPDX-License-Identifier: BSD-3-Clause */
#include "login/session.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

/* US-15: nobody can be asked. PAM frees the answers. */
static int converse(
	int n, const struct pam_message **messages, struct pam_response **ret, void *data)
{
	(void)data;
	for (int i = 0; i < n; i++) {
		int style = messages[i]->msg_style;

		log_info("[PAM] %s", messages[i]->msg ? messages[i]->msg : "");
		if (style != PAM_TEXT_INFO && style != PAM_ERROR_MSG)
			return PAM_CONV_ERR;
	}
	*ret = mem_alloc((size_t)n, sizeof(**ret));
	return *ret ? PAM_SUCCESS : PAM_BUF_ERR;
}

/* @r: PAM's. */
static int check(const struct session *self, const char *what, int r, char **ret_why)
{
	if (r == PAM_SUCCESS)
		return 0;
	*ret_why = xprintf("PAM: %s: %s", what, pam_strerror(self->pam, r));
	return -EACCES;
}

static int begin(struct session *self, const char *user, char *const *kept, char **ret_why)
{
	static const struct pam_conv conv = { .conv = converse };
	int r = pam_start(self->flavour->name, user, &conv, &self->pam);

	for (; r == PAM_SUCCESS && *kept; kept++)
		r = pam_putenv(self->pam, *kept);
	if (r == PAM_SUCCESS)
		r = pam_putenv(self->pam, "XDG_SESSION_CLASS=user");
	if (r == PAM_SUCCESS)
		r = pam_putenv(self->pam, "XDG_SESSION_TYPE=x11");
	if (r == PAM_SUCCESS)
		r = pam_set_item(self->pam, PAM_TTY, self->flavour->name);
	return check(self, "it does not begin", r, ret_why);
}

/* Whom PAM means by now: modules may change it (US-18), but not to another user (US-19). */
static int read_account(struct session *self, char **ret_why)
{
	uid_t before = self->account.pw_uid;
	struct passwd *found = NULL;
	const void *name = NULL;

	pam_get_item(self->pam, PAM_USER, &name);
	if (name)
		getpwnam_r(name, &self->account, self->strings, sizeof(self->strings), &found);
	if (!found) {
		*ret_why = xprintf("there is no user %s", (const char *)(name ?: ""));
		return -ENOENT;
	}
	if ((self->caller && found->pw_uid != self->caller)
		|| (self->established && found->pw_uid != before)) {
		*ret_why = xprintf("PAM remapped username to %s, another user", found->pw_name);
		return -EPERM;
	}
	if (str_empty(found->pw_shell))
		found->pw_shell = (char *)"/bin/sh";
	return 0;
}

/* Modules see the user as the real one. The group's change lets cores be dumped again. */
static int take_groups(const struct session *self, char **ret_why)
{
	const struct passwd *account = &self->account;
	int r = 0;

	if (setreuid(account->pw_uid, (uid_t)-1) < 0 || setgid(account->pw_gid) < 0
		|| initgroups(account->pw_name, account->pw_gid) < 0
		|| prctl(PR_SET_DUMPABLE, 0) < 0) {
		r = -errno;
		*ret_why = xprintf("no groups of %s: %s", account->pw_name, strerror(-r));
	}
	return r;
}

int session_open(struct session *self, const char *user, char *const *kept, char **ret_why)
{
	struct session_record *record = self->record;
	int r = begin(self, user, kept, ret_why);

	if (r == 0)
		r = check(self, "the account is refused", pam_acct_mgmt(self->pam, 0), ret_why);
	if (r == 0)
		r = read_account(self, ret_why);
	if (r == 0)
		r = take_groups(self, ret_why);
	if (r == 0)
		r = check(self, "no credentials", pam_setcred(self->pam, PAM_ESTABLISH_CRED), ret_why);
	if (r < 0)
		return r;
	self->established = true;
	snprintf(record->user, sizeof(record->user), "%s", self->account.pw_name);
	record->open = true;
	r = check(self, "no session", pam_open_session(self->pam, 0), ret_why);
	/* With root as the real user, no signal of the other's reaches us. */
	if (setreuid(0, (uid_t)-1) < 0)
		log_warning("cannot be root: %s", strerror(errno));
	snprintf(record->logind, sizeof(record->logind), "%s",
		pam_getenv(self->pam, "XDG_SESSION_ID") ?: "");
	return r == 0 ? read_account(self, ret_why) : r;
}

int session_environment(const struct session *self, struct spawn_env *ret)
{
	CLEANUP(free) char **list = pam_getenvlist(self->pam);
	int r = list ? spawn_env_init(ret, list) : -ENOMEM;
	const char *const more[][2] = {
		{ "USER", self->account.pw_name },
		{ "LOGNAME", self->account.pw_name },
		{ "HOME", self->account.pw_dir },
		{ "SHELL", self->account.pw_shell },
		{ self->flavour->session_mark, "1" },
		{ "PATH", spawn_env_get(ret, "PATH") },
	};

	for (size_t i = 0; list && list[i]; i++)
		free(list[i]);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(more); i++)
		r = spawn_env_set(ret, more[i][0], more[i][1] ? more[i][1] : "/bin:/usr/bin");
	return r;
}

/* Enough of a dead process's handle for the modules to know what they close. */
static void take_over(struct session *self)
{
	CLEANUP(free) char *logind = xprintf("XDG_SESSION_ID=%s", self->record->logind);
	CLEANUP(free) char *why = NULL;
	char *const kept[] = { self->record->logind[0] ? logind : NULL, NULL };

	self->established = begin(self, self->record->user, kept, &why) == 0;
	if (why)
		log_warning("%s", why);
}

void session_close(struct session *self)
{
	int r = PAM_SUCCESS;

	if (self->record->open && !self->pam)
		take_over(self);
	if (self->record->open && (r = pam_close_session(self->pam, 0)) != PAM_SUCCESS)
		log_warning("PAM: the session does not close: %s", pam_strerror(self->pam, r));
	self->record->open = false;
	if (self->established)
		r = pam_setcred(self->pam, PAM_DELETE_CRED);
	if (self->pam)
		pam_end(self->pam, r);
	self->pam = NULL;
}
