# shellcheck shell=sh
# Read by packaging/install and tests/install, which say in $who who wants some of Debian's packages.

wanted=''

# shellcheck disable=SC2154 # of whoever reads this
say() { printf '%s: %s\n' "$who" "$*"; }
there() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]; }
wants() { # PACKAGES WORDS
    wanted="$wanted $1"
    say "$2"
}

# Some packages (nginx's) start a service on port 80. The tests start their own on a free port, so
# services are forbidden for the time of the install, by the file Debian has for this.
# shellcheck disable=SC2016 # expanded where it runs
apt_script='
set -eu
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap "rm -f $policy" EXIT
    printf "#!/bin/sh\nexit 101\n" >"$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends "$@"
'

install_wanted() {
    [ -n "$wanted" ] || return 0
    if [ "$(id -u)" -eq 0 ]; then
        as_root=
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        as_root="sudo -n"
    else
        as_root=none
    fi
    if [ "$as_root" = none ] || ! command -v apt-get >/dev/null 2>&1; then
        say "may not install packages here (needs apt-get, and root or sudo without a password). Run this as root, then the same again:"
        printf '\n    apt-get update && apt-get install -y --no-install-recommends%s\n\n' "$wanted"
        say "a service that this starts is not needed, such as nginx: systemctl disable --now nginx"
        exit 1
    fi
    say "installing$wanted"
    # shellcheck disable=SC2086 # one word a package
    $as_root sh -c "$apt_script" install $wanted </dev/null
}
