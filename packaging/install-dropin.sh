#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# install-dropin.sh [OPTIONS]: puts afar, as it is installed, into the place of the vendor's script.
#
#	--dir DIR	where that is; /opt/google/chrome-remote-desktop by default
#	--with-unit	its systemd unit too
#	--prefix P	where afar is installed; by default where this script is, else /usr/local
#	--destdir D	into a tree that becomes a package: no group, no dpkg, no systemctl
#	--remove	undo it all
#	--purge		and remove the group, if it was made here
#
# What was there before is kept as NAME.orig. Where it belongs to a Debian package it is diverted,
# dpkg-divert(1): then an upgrade of the vendor's package writes its new version to NAME.orig, and
# what is here stays; dpkg does by itself what a script run after each upgrade would do too late.
# The vendor's host is left alone, as are desktops that run. DIR/.afar-dropin says what was done,
# one "HOW PATH" a line; running this again repeats nothing of it.
set -eu

name=chrome-remote-desktop
group=chrome-remote-desktop
default_dir=/opt/google/chrome-remote-desktop
unit_dir=/lib/systemd/system

dir=$default_dir
destdir=
prefix=
with_unit=
action=install

fail() {
	printf '%s\n' "install-dropin: $*" >&2
	exit 1
}

usage() {
	sed -n 's/^# \{0,1\}//; 3,10p' "$0"
}

value_of() {
	[ $# -ge 2 ] || fail "$1 lacks its value"
	printf '%s' "$2"
}

while [ $# -gt 0 ]; do
	case $1 in
	--dir | --prefix | --destdir)
		value=$(value_of "$@")
		case $1 in
		--dir) dir=$value ;;
		--prefix) prefix=$value ;;
		--destdir) destdir=$value ;;
		esac
		shift
		;;
	--with-unit) with_unit=yes ;;
	--remove) action=remove ;;
	--purge) action=purge ;;
	--help | -h)
		usage
		exit 0
		;;
	*) fail "'$1' is no option of mine: see --help" ;;
	esac
	shift
done

self=$(readlink -f "$0")
if [ -z "$prefix" ]; then
	case $self in
	*/libexec/afar/install-dropin) prefix=${self%/libexec/afar/install-dropin} ;;
	*) prefix=/usr/local ;;
	esac
fi
# They become part of a unit and of the list of what was done.
for path in "$dir" "$prefix"; do
	case $path in
	*[!A-Za-z0-9/._+-]* | *..*) fail "'$path': letters, digits and /._+- only, please" ;;
	/?*) ;;
	*) fail "'$path' is no absolute path" ;;
	esac
done
if [ -n "$destdir" ]; then
	[ -d "$destdir" ] || fail "there is no directory '$destdir'"
	destdir=$(readlink -f "$destdir")
elif [ "$(id -u)" != 0 ]; then
	fail "only root can do that (or anybody into a tree: --destdir)"
fi
manifest=$destdir$dir/.afar-dropin

# --- making room ---

# how PATH: what was done to it; nothing when it is not ours.
how() {
	[ ! -f "$manifest" ] || awk -v path="$1" '$2 == path { print $1 }' "$manifest"
}

# note HOW PATH
note() {
	printf '%s %s\n' "$1" "$2" >>"$manifest"
}

dpkg_knows() {
	[ -z "$destdir" ] && command -v dpkg-query >/dev/null && dpkg-query -S "$1" >/dev/null 2>&1
}

# claim PATH: makes it ours. The line is written first, so that --remove can mend what is cut short.
claim() {
	[ -z "$(how "$1")" ] || return 0
	mkdir -p "$(dirname "$destdir$1")"
	if dpkg_knows "$1"; then
		note diverted "$1"
		dpkg-divert --quiet --local --rename --divert "$1.orig" --add "$1" ||
			fail "dpkg does not let $1 be diverted"
	elif [ -e "$destdir$1" ] || [ -L "$destdir$1" ]; then
		[ ! -e "$destdir$1.orig" ] || fail "$1.orig is there already: move it away first"
		note kept "$1"
		mv -T "$destdir$1" "$destdir$1.orig"
	else
		note new "$1"
	fi
}

# --- putting things there: never a moment without the file, nor with half of it ---

# put_link TARGET PATH
put_link() {
	claim "$2"
	ln -sfn "$1" "$destdir$2.new"
	mv -fT "$destdir$2.new" "$destdir$2"
}

# put_file SOURCE PATH MODE [OWNER]
put_file() {
	claim "$2"
	rm -f "$destdir$2.new"
	(umask 077 && cat "$1" >"$destdir$2.new")
	if [ -n "${4-}" ]; then
		chown "$4" "$destdir$2.new" # takes the setuid bit away, so the mode comes after
	fi
	chmod "$3" "$destdir$2.new"
	mv -fT "$destdir$2.new" "$destdir$2"
}

# installed PATH…: the first of these below the prefix that is there, as a final path.
installed() {
	for place; do
		if [ -f "$destdir$prefix/$place" ] || [ -f "$prefix/$place" ]; then
			printf '%s' "$prefix/$place"
			return 0
		fi
	done
	return 1
}

# need WHAT PATH…: the same, or the end.
need() {
	what=$1
	shift
	installed "$@" || fail "$what is missing: there is no $prefix/$1; is afar installed whole?"
}

# source_of PATH: where its bytes are now.
source_of() {
	if [ -f "$destdir$1" ]; then
		printf '%s' "$destdir$1"
	else
		printf '%s' "$1"
	fi
}

templates="pipewire.conf pipewire-pulse.conf wireplumber.conf pipewire-media-session.conf"

find_all() {
	command=$(need "the command" bin/afar)
	login=$(need "the PAM wrapper" libexec/afar/afar-login)
	xsession=$(need "Xsession" libexec/afar/Xsession share/afar/dropin/Xsession)
	is_remoting=$(need "is-remoting-session" libexec/afar/is-remoting-session \
		share/afar/dropin/is-remoting-session)
	pam=$(need "the PAM service" "share/afar/dropin/pam.d/$name")
	unit=$(need "the unit" "share/afar/dropin/$name@.service")
	for template in $templates; do
		need "a template" "share/afar/audio/$template.template" >/dev/null
	done
}

make_group() {
	[ -z "$destdir" ] || return 0
	getent group "$group" >/dev/null || note group "$group"
	groupadd -f "$group"
}

# US-24: who may run the setuid wrapper; what an administrator has settled with dpkg comes first.
put_login() {
	path=$dir/user-session
	override=
	owner=root:$group
	mode=4754
	if [ -n "$destdir" ]; then
		# Whoever unpacks the tree has the group; here it may not be known.
		[ "$(id -u)" = 0 ] && owner=root:root || owner=
	elif command -v dpkg-statoverride >/dev/null; then
		override=$(dpkg-statoverride --list "$path" || true)
	fi
	if [ -n "$override" ]; then
		owner=$(printf '%s' "$override" | awk '{ print $1 ":" $2 }')
		mode=$(printf '%s' "$override" | awk '{ print $3 }')
	fi
	put_file "$(source_of "$login")" "$path" "$mode" "$owner"
}

# The vendor's is the same, and an administrator may have changed it.
put_pam() {
	path=/etc/pam.d/$name
	if [ -n "$(how "$path")" ] || [ ! -e "$destdir$path" ]; then
		put_file "$(source_of "$pam")" "$path" 644
	fi
}

put_unit() {
	configured=$(mktemp)
	sed "s|$default_dir/|$dir/|" "$(source_of "$unit")" >"$configured"
	put_file "$configured" "$unit_dir/$name@.service" 644
	rm -f "$configured"
	# The script of old packages would start all of them a second time (PKG-4).
	put_link /dev/null "$unit_dir/$name.service"
	reload_units
}

systemd_runs() {
	[ -z "$destdir" ] && [ -d /run/systemd/system ]
}

reload_units() {
	if systemd_runs && ! systemctl daemon-reload; then
		echo "systemd has not read its units anew: systemctl daemon-reload does that."
	fi
}

install_all() {
	find_all
	mkdir -p "$destdir$dir"
	make_group
	for template in $templates; do
		put_file "$(source_of "$prefix/share/afar/audio/$template.template")" \
			"$dir/$template.template" 644
	done
	put_link "$xsession" "$dir/Xsession"
	put_link "$is_remoting" "$dir/is-remoting-session"
	put_pam
	put_login
	if [ -n "$with_unit" ]; then
		put_unit
	fi
	# Last: from here on it is ours that is called.
	put_link "$command" "$dir/$name"
	echo "afar is in the place of $dir/$name."
	[ -x "$destdir$dir/$name-host" ] ||
		echo "There is no $dir/$name-host yet: that is the vendor's, or a link to afar-host."
}

# --- undoing it ---

# give_back HOW PATH
give_back() {
	case $1 in
	new) rm -f "$destdir$2" ;;
	kept)
		# Not there: what was cut short had not moved it yet.
		if [ -e "$destdir$2.orig" ] || [ -L "$destdir$2.orig" ]; then
			mv -fT "$destdir$2.orig" "$destdir$2"
		fi
		;;
	diverted)
		if [ "$(dpkg-divert --truename "$2")" != "$2" ]; then
			rm -f "$2"
			dpkg-divert --quiet --local --rename --remove "$2"
		fi
		;;
	group) [ "$action" != purge ] || groupdel "$2" ;;
	esac
}

remove_all() {
	if [ ! -f "$manifest" ]; then
		echo "afar is not in the place of $dir/$name."
		return 0
	fi
	# PKG-11.
	if systemd_runs && [ -n "$(how "$unit_dir/$name@.service")" ]; then
		systemctl stop "$name@*" || echo "What runs by the unit could not be stopped."
	fi
	# Backwards: the command goes first. What fails stays listed, to be tried again.
	while line=$(tail -n 1 "$manifest") && [ -n "$line" ]; do
		give_back "${line%% *}" "${line#* }"
		sed -i '$d' "$manifest"
	done
	rm -f "$manifest"
	rmdir -p --ignore-fail-on-non-empty "$destdir$dir" 2>/dev/null || true
	reload_units
	echo "afar is out of the place of $dir/$name."
}

case $action in
install) install_all ;;
*) remove_all ;;
esac
