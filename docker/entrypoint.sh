#!/bin/sh
# Turns the secrets of the first start into settings, then becomes the program: `entrypoint.sh api` runs `frostway api`.
# A setting that is given in the environment wins; a secret is a file, so that `docker inspect` does not show it.
set -eu
secrets=${FROSTWAY_SECRETS_DIR:-/run/frostway/secrets}

# secret NAME: one line of text, or nothing when there is no such file
secret() { if [ -r "$secrets/$1" ]; then cat "$secrets/$1"; fi; }

password=$(secret postgres_password)
if [ -z "${FROSTWAY_DATABASE_URL:-}" ] && [ -n "$password" ]; then
    export FROSTWAY_DATABASE_URL="postgresql://frostway:$password@${FROSTWAY_DATABASE_HOST:-timescaledb}:5432/frostway"
fi
password=$(secret mqtt_ingest_password)
if [ -z "${FROSTWAY_MQTT_URL:-}" ] && [ -n "$password" ]; then
    export FROSTWAY_MQTT_URL="mqtt://ingest:$password@${FROSTWAY_MQTT_HOST:-mosquitto}:1883"
fi
password=$(secret admin_password)
if [ -z "${FROSTWAY_ADMIN_PASSWORD:-}" ] && [ -n "$password" ]; then
    export FROSTWAY_ADMIN_PASSWORD="$password"
fi
unset password

case ${1:-} in
python | sh) exec "$@" ;;
*) exec frostway "$@" ;;
esac
