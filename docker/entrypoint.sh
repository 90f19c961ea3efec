#!/bin/sh
# Turns the secrets of the first start into settings, then becomes the program: `entrypoint.sh api` runs `frostway api`.
# A setting that is given in the environment wins; a secret is a file, so that `docker inspect` does not show it.
set -eu
secrets=${FROSTWAY_SECRETS_DIR:-/run/frostway/secrets}

# secret NAME: one line of text, or nothing when there is no such file
secret() { if [ -r "$secrets/$1" ]; then cat "$secrets/$1"; fi; }

# Each program signs in under a name of its own, which may do what it needs; commands (migrate, device add) as the owner.
login=frostway
password=$(secret postgres_password)
case "${1:-} ${3:-}" in
"api "*) program=web ;;
"ingest "*) program=ingest ;;
"tracker "*) program=tracker ;;
"operations "*) program=operations ;;
"python credentials") program=broker ;;
*) program= ;;
esac
if [ -n "$program" ] && [ -n "$(secret "database_${program}_password")" ]; then
    login=frostway_$program
    password=$(secret "database_${program}_password")
fi
if [ -z "${FROSTWAY_DATABASE_URL:-}" ] && [ -n "$password" ]; then
    export FROSTWAY_DATABASE_URL="postgresql://$login:$password@${FROSTWAY_DATABASE_HOST:-timescaledb}:5432/frostway"
fi
password=$(secret mqtt_ingest_password)
if [ -z "${FROSTWAY_MQTT_URL:-}" ] && [ -n "$password" ]; then
    export FROSTWAY_MQTT_URL="mqtt://ingest:$password@${FROSTWAY_MQTT_HOST:-mosquitto}:1883"
fi
password=$(secret admin_password)
if [ -z "${FROSTWAY_ADMIN_PASSWORD:-}" ] && [ -n "$password" ]; then
    export FROSTWAY_ADMIN_PASSWORD="$password"
fi
password=$(secret sealing_secret)
if [ -z "${FROSTWAY_SEALING_SECRET:-}" ] && [ -n "$password" ]; then
    export FROSTWAY_SEALING_SECRET="$password"
fi
unset password

case ${1:-} in
python | sh) exec "$@" ;;
*) exec frostway "$@" ;;
esac
