/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Messages on the control socket (afar <-> supervisor) and on the inherited
 * socketpair (supervisor <-> host, --control-fd): one JSON object a line,
 *
 *	{"type":"display_up","display":":20","xauthority":"/run/user/1000/afar/xauthority"}
 *
 * at most CONTROL_LINE_MAX bytes with the newline. Each type has its required
 * fields, listed in control.c; a line that lacks one, has one of the wrong
 * kind or overlong, or is no JSON object, is -EBADMSG. Unknown keys and
 * unknown types are ignored by the reader, so that two versions can talk.
 *
 * The status document itself is wire/status.h.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTROL_LINE_MAX (256 * 1024)

enum control_type {
	CONTROL_UNKNOWN,

	/* supervisor -> host */
	CONTROL_STATUS,       /* body: the status document; on every change */
	CONTROL_SETTINGS,     /* body: the "afar" object of the config; after a reload */
	CONTROL_DISPLAY_UP,   /* display, xauthority */
	CONTROL_DISPLAY_DOWN, /* component, reason */
	CONTROL_VERDICT,      /* id, ok, retry_after: answers CONTROL_ATTEMPT */
	CONTROL_MAKE_LINK,    /* id: answered by CONTROL_LINK */
	CONTROL_TAKEN_OVER,   /* by another supervisor: what was not answered is asked again, and
				 CONTROL_VIEWERS answers */
	CONTROL_PING,         /* id: answered by CONTROL_PONG, at once */
	CONTROL_TELL_STATS,   /* id: answered by CONTROL_STATS, at once */

	/* host -> supervisor */
	CONTROL_ATTEMPT,   /* id, kind, source, hash (not for a PIN): may this sign-in go on? */
	CONTROL_SIGNED_IN, /* source, hash: of the resume token that was given out */
	CONTROL_LINK,      /* id, token, hash: a fresh one-time link */
	CONTROL_VIEWERS,   /* body: the viewers array of the status document */
	CONTROL_PONG,      /* id */
	CONTROL_STATS,     /* id, body: the host's part of the document of `afar stats` */
	CONTROL_DISPLAY_ANSWERS, /* display, ok: something is left unanswered, or no more */

	/* afar -> supervisor, answered by _REPLY or _ERROR */
	CONTROL_GET_STATUS,
	CONTROL_GET_LINK,
	CONTROL_GET_STATS,
	CONTROL_RELOAD,
	CONTROL_REPLACE, /* now: by the program that lies there now; a newer host follows, at once or
			    when nobody looks on */

	CONTROL_REPLY, /* body: what was asked for */
	CONTROL_ERROR, /* reason: one line for the user */
};

enum control_kind {
	CONTROL_KIND_LINK,
	CONTROL_KIND_PIN,
	CONTROL_KIND_RESUME,
};

/* SHA-256 of a token in lower-case hex, with the NUL. */
#define CONTROL_HASH_SIZE 65
/* A token: 128 random bits in base64url without padding, with the NUL. */
#define CONTROL_TOKEN_SIZE 23

struct control_message {
	enum control_type type;
	uint32_t id;
	bool ok;
	bool now;
	uint32_t retry_after; /* seconds; 0: at once or never */
	enum control_kind kind;
	char display[32];
	char xauthority[256];
	char component[32];
	char reason[512];
	char source[64]; /* the peer's address */
	char hash[CONTROL_HASH_SIZE];
	char token[CONTROL_TOKEN_SIZE];
	json_t *body; /* owned; NULL when the type has none */
};

/* @line: without its newline. Returns 0, -EBADMSG or -ENOMEM; @ret then needs no finish. */
int control_decode(const char *line, size_t n, struct control_message *ret);

/* An allocated line with its newline; -ENOMEM, -EMSGSIZE. The caller frees it. */
int control_encode(const struct control_message *self, char **ret_line, size_t *ret_n);

void control_message_finish(struct control_message *self);
