#!/usr/bin/env bash
# A real TimescaleDB for the tests, without containers and without touching the system's packages.
#
#   .ci/timescaledb.sh prepare   download and unpack the server once (cached between runs)
#   .ci/timescaledb.sh start     start a fresh, empty cluster; prints the DSN of a new database
#   .ci/timescaledb.sh dsn       print that DSN again
#   .ci/timescaledb.sh stop      stop the server and delete its cluster
#
# apt resolves and verifies the packages of a newer Debian release into a private folder; they are only
# unpacked: no maintainer script runs. Each program is started through the loader and the libraries that came with
# it, so the C library of the host does not matter and no privileges are needed. As root the server runs as "nobody".
#
# Environment: FROSTWAY_CI_CACHE      where the unpacked server is kept (about 150 MB)
#              FROSTWAY_TIMESCALE_RUN this cluster's folder (socket, data, log); give each parallel run its own
#              FROSTWAY_DEBIAN_MIRROR package mirror; default: the one this machine's own apt uses
set -euo pipefail

readonly RELEASE=trixie MAJOR=17 # Debian 13: PostgreSQL 17 with TimescaleDB 2.19 (Apache edition)
readonly KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

if [ "$(id -u)" -eq 0 ]; then
    default_cache=/var/cache # the server's user must be able to reach it: a root home is closed to others
    as_server=(setpriv --reuid nobody --regid nogroup --clear-groups)
else
    default_cache=${XDG_CACHE_HOME:-$HOME/.cache}
    as_server=()
fi
readonly CACHE=${FROSTWAY_CI_CACHE:-$default_cache/frostway-ci}
readonly RUN=${FROSTWAY_TIMESCALE_RUN:-/tmp/frostway-timescaledb-$(id -u)}
readonly ROOT=$CACHE/$RELEASE-$MAJOR
readonly BIN=$ROOT/usr/lib/postgresql/$MAJOR/bin
readonly DATABASE=frostway_test

die() { printf 'timescaledb: %s\n' "$*" >&2 && exit 1; }

# The mirror of this machine's own Debian sources, so that no address stands in the repository.
mirror() {
    if [ -n "${FROSTWAY_DEBIAN_MIRROR:-}" ]; then printf '%s\n' "$FROSTWAY_DEBIAN_MIRROR" && return; fi
    local codename site
    # shellcheck disable=SC2016 # $(SITE) is apt's own notation
    site=$(apt-get indextargets --format '$(LABEL)|$(SITE)' 2>/dev/null | sed -n 's/^Debian|//p' | head -n 1)
    if [ -z "$site" ]; then # no index downloaded yet: read the sources, in both their notations
        codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
        site=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
            sed -nE "s/^deb +(\[[^]]*\] +)?([^ ]+) +$codename +main.*/\2/p" | head -n 1)
        [ -n "$site" ] || site=$(cat /etc/apt/sources.list.d/*.sources 2>/dev/null | awk -v want="$codename" '
            /^URIs:/ { uri = $2 } /^Suites:/ { for (i = 2; i <= NF; i++) if ($i == want) hit = 1 }
            /^$/ { uri = ""; hit = 0 } uri != "" && hit { print uri; exit }')
    fi
    [ -n "$site" ] || die "no Debian package source found on this machine; set FROSTWAY_DEBIAN_MIRROR"
    printf '%s\n' "$site"
}

# Ask apt for the complete set of packages, libc included, as if nothing were installed here.
download() {
    local work=$1 names
    mkdir -p "$work/lists/partial" "$work/archives/partial"
    : >"$work/status"
    printf 'deb [signed-by=%s] %s %s main\n' "$KEYRING" "$(mirror)" "$RELEASE" >"$work/sources.list"
    cat >"$work/apt.conf" <<CONF
Dir::Etc::SourceList "$work/sources.list"; Dir::Etc::SourceParts "/dev/null"; Dir::Etc::PreferencesParts "/dev/null";
Dir::State "$work"; Dir::State::Lists "$work/lists"; Dir::State::status "$work/status";
Dir::Cache "$work"; Dir::Cache::Archives "$work/archives";
APT::Install-Recommends "false"; APT::Sandbox::User "$(id -un)"; Acquire::Languages "none"; Acquire::Retries "3";
CONF
    export APT_CONFIG=$work/apt.conf
    apt-get -qq update
    # Not needed to run a server: the just-in-time compiler (hence jit=off below), scripts and their interpreters.
    names=$(apt-get -qq --simulate install "postgresql-$MAJOR-timescaledb" | awk '$1 == "Inst" { print $2 }' |
        grep -Ev '^(libllvm|libz3|perl|libperl|locales|debconf|ucf|sysvinit|tzdata|postgresql-common|libjson-perl)')
    # shellcheck disable=SC2086 # one word per package
    (cd "$work/archives" && apt-get -qq download $names)
}

# A program unpacked elsewhere finds neither its loader nor its libraries: give it a two-line starter. Programs that
# look for their neighbours and shared files do so relative to argv[0], which stays where the package put it.
wrap() {
    local program=$1 loader libraries
    loader=$(find "$ROOT.new/usr/lib64" "$ROOT.new/usr/lib" -maxdepth 2 -name 'ld-linux*.so.*' 2>/dev/null | head -n 1)
    libraries=$(find "$ROOT.new/usr/lib" -maxdepth 1 -type d -name '*-linux-gnu*' | head -n 1)
    [ -n "$loader" ] && [ -n "$libraries" ] || die "the unpacked packages hold no loader for this machine"
    mv "$program" "$program.elf"
    cat >"$program" <<SH
#!/bin/sh
exec "${loader/.new/}" --argv0 "\$0" --library-path "${libraries/.new/}" "\$0.elf" "\$@"
SH
    chmod 755 "$program"
}

prepare() {
    if [ -x "$BIN/postgres" ]; then return; fi
    [ -e /usr/share/zoneinfo/UTC ] || die "no time zones under /usr/share/zoneinfo: install the package tzdata"
    [ -e "$KEYRING" ] || die "$KEYRING is missing: install the package debian-archive-keyring"
    mkdir -p "$CACHE"
    exec 9>"$CACHE/lock"
    flock 9
    if [ -x "$BIN/postgres" ]; then return; fi # another run has prepared it meanwhile
    local work=$CACHE/apt file name
    rm -rf "$work" "$ROOT.new"
    download "$work"
    mkdir -p "$ROOT.new/usr/lib" "$ROOT.new/usr/lib64" "$ROOT.new/usr/bin" "$ROOT.new/usr/sbin"
    for name in bin sbin lib lib64; do ln -s "usr/$name" "$ROOT.new/$name"; done
    for file in "$work"/archives/*.deb; do
        dpkg-deb --fsys-tarfile "$file" | tar -x --keep-directory-symlink --no-same-owner -C "$ROOT.new" \
            --exclude=./usr/share/doc --exclude=./usr/share/man --exclude=./usr/share/locale
    done
    for name in postgres initdb psql pg_isready pg_dump pg_restore pg_basebackup; do
        wrap "$ROOT.new/usr/lib/postgresql/$MAJOR/bin/$name"
    done
    chmod -R go+rX "$ROOT.new"
    mv "$ROOT.new" "$ROOT"
    rm -rf "$work"
}

# The server's pid, if that process is alive and really works in this data folder.
server_pid() {
    local pid
    pid=$(head -n 1 "$RUN/data/postmaster.pid" 2>/dev/null) || return 1
    [ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd")" = "$(readlink -f "$RUN/data")" ] && printf '%s\n' "$pid"
}

dsn() { printf 'host=%s user=postgres dbname=%s\n' "$RUN" "$DATABASE"; }

start() {
    prepare
    stop
    [ "${#RUN}" -le 80 ] || die "$RUN is too long for a unix socket: set FROSTWAY_TIMESCALE_RUN to a shorter path"
    mkdir -m 700 "$RUN"
    if [ "$(id -u)" -eq 0 ]; then chown nobody:nogroup "$RUN"; fi
    local log=$RUN/server.log
    cd /
    "${as_server[@]}" "$BIN/initdb" -D "$RUN/data" -U postgres -A trust -E UTF8 --no-locale --no-sync >"$log" 2>&1 ||
        { cat "$log" >&2 && die "initdb failed"; }
    # Nothing in it outlives a run, so nothing is written for good.
    # The socket stands in a folder only the server's user and root can enter: that is what makes "trust" acceptable.
    setsid "${as_server[@]}" "$BIN/postgres" -D "$RUN/data" -k "$RUN" -c listen_addresses= \
        -c shared_preload_libraries=timescaledb -c timescaledb.telemetry_level=off -c jit=off -c max_connections=200 \
        -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c autovacuum=off \
        9>&- </dev/null >>"$log" 2>&1 &
    local attempt
    for ((attempt = 0; attempt < 600; attempt++)); do
        if "$BIN/pg_isready" -q -h "$RUN" -U postgres; then break; fi
        kill -0 $! 2>/dev/null || { cat "$log" >&2 && die "the server ended at start"; }
        sleep 0.05
    done
    "$BIN/psql" -qX -v ON_ERROR_STOP=1 -h "$RUN" -U postgres -c "CREATE DATABASE $DATABASE" ||
        die "the database could not be created"
    "$BIN/psql" -qX -v ON_ERROR_STOP=1 -h "$RUN" -U postgres -d "$DATABASE" \
        -c 'SET client_min_messages = warning' -c 'CREATE EXTENSION IF NOT EXISTS timescaledb' ||
        die "the extension could not be created"
    dsn
}

stop() {
    local pid attempt
    if pid=$(server_pid); then
        kill -INT "$pid" # fast shutdown
        for ((attempt = 0; attempt < 400; attempt++)); do
            if ! kill -0 "$pid" 2>/dev/null; then break; fi
            sleep 0.05
        done
        if kill -0 "$pid" 2>/dev/null; then die "server $pid does not stop"; fi
    fi
    rm -rf "$RUN"
}

case ${1:-} in
prepare | start | stop | dsn) "$1" ;;
*) sed -n '2,/^set /p' "$0" | sed -n 's/^# \{0,1\}//p' && exit 2 ;;
esac
