#!/usr/bin/env bash
# A container engine for the tests of containers, where none answers: `eval "$(tests/containers/engine.sh start)"`.
# Prints what those tests need in their environment, and nothing where there can be no engine (not root, no dockerd).
# `tests/containers/engine.sh stop` ends the engine that it started.
set -euo pipefail

# Short and absolute: it is part of the path of a socket.
FOLDER="${TICKMESH_ENGINE_FOLDER:-/tmp/tickmesh-engine}"
SOCKET="$FOLDER/docker.sock"

answers() {
  python3 - "$1" 2>/dev/null <<'PYTHON'
import socket
import sys

with socket.socket(socket.AF_UNIX) as asking:
    asking.settimeout(5)
    asking.connect(sys.argv[1])
    asking.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
    sys.exit(b" 200 " not in asking.recv(64))
PYTHON
}

say() {
  [ "$1" = "" ] || echo "export DOCKER_HOST='$1'"
  # From here on a test without an engine fails instead of being skipped.
  echo "export TICKMESH_ENGINE=required"
}

start() {
  local host="${DOCKER_HOST:-unix:///var/run/docker.sock}"
  case "$host" in
    unix://*) if answers "${host#unix://}"; then say "${DOCKER_HOST:-}"; return; fi ;;
    *) say "$host"; return ;;
  esac
  if answers "$SOCKET"; then say "unix://$SOCKET"; return; fi
  if [ "$(id -u)" != 0 ] || ! command -v dockerd >/dev/null 2>&1; then
    echo "no container engine answers, and none can be started here: its tests are skipped" >&2
    return
  fi
  mkdir -p "$FOLDER"
  rm -f "$SOCKET" "$FOLDER/docker.pid"
  # Tests make networks for themselves, so it needs no bridge. Told to have none it would take docker0 away from
  # whoever has it: that one is left as it is.
  local bridge=none
  [ ! -e /sys/class/net/docker0 ] || bridge=docker0
  setsid dockerd -H "unix://$SOCKET" --data-root "$FOLDER/root" --exec-root "$FOLDER/exec" -p "$FOLDER/docker.pid" \
    --bridge="$bridge" --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false \
    </dev/null >"$FOLDER/log" 2>&1 &
  for _ in $(seq 300); do
    if answers "$SOCKET"; then say "unix://$SOCKET"; return; fi
    sleep 0.1
  done
  echo "dockerd did not start within 30 s: its tests are skipped; $FOLDER/log ends with" >&2
  tail -n 5 "$FOLDER/log" >&2
}

stop() {
  [ -f "$FOLDER/docker.pid" ] && kill "$(cat "$FOLDER/docker.pid")" 2>/dev/null || true
}

"${1:?start or stop}"
