#!/bin/sh
# Runs the broker and lets it read its passwords and rules anew whenever they have changed (a device was added or revoked).
set -eu
folder=${1:-/broker}

mosquitto -c "$folder/mosquitto.conf" &
broker=$!
trap 'kill -TERM "$broker"' TERM INT

fingerprint() { cat "$folder/acl" "$folder/passwd" | cksum; }
known=$(fingerprint)
while kill -0 "$broker" 2>/dev/null; do
    sleep 1 &
    wait $! || true # a signal ends the wait early
    now=$(fingerprint 2>/dev/null) || continue
    if [ "$now" != "$known" ]; then
        known=$now
        kill -HUP "$broker"
    fi
done
wait "$broker"
