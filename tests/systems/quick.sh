#!/usr/bin/env bash
# The part of the suites that systems differ in, on each lane that can run here: `quick.sh [FOLDER]`.
#
# Windows' lane takes Wine and minutes to make: it runs where somebody has made it, in FOLDER. A minute and a half for both.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
windows=${1:-$HOME/.cache/meticulous-windows}
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
recorder=packages/meticulous-record/tests reader=packages/meticulous-read/tests command=packages/meticulous-cli/tests
files=("$recorder"/test_{systems,write,heartbeat}.py "$reader"/test_experiment.py "$command"/test_{screens,places}.py)
suite=(-m pytest -q -p no:cacheprovider "${files[@]}")

shown() {  # NAME COMMAND…: in one piece, the last line of what it prints, or all if it fails
  local result=0 began=$SECONDS
  "${@:2}" >"$temporary/log" 2>&1 || result=$?
  echo "-- $1: $((SECONDS - began)) s
$(tail -n "$([ "$result" = 0 ] && echo 1 || echo 200)" "$temporary/log")"
  return "$result"
}

if [ "$(uname)" = Linux ]; then
  shown "a Python with macOS' limits" timeout 300 "$here/macos/lane.sh" "$temporary/macos" python "${suite[@]}"
else
  echo "-- a Python with macOS' limits: not run, as this is no Linux"
fi
if [ ! -e "$windows/built" ]; then
  echo "-- Windows' Python under Wine: not run, as nobody has made its lane here: tests/systems/windows/lane.sh $windows"
elif ! timeout 60 "$here/windows/lane.sh" "$windows" python.exe -c 'import pandas, git, pytest' >/dev/null 2>&1; then
  echo "-- Windows' Python under Wine: not run, as Wine does not start here"
else
  shown "Windows' Python under Wine" timeout 300 "$here/windows/lane.sh" "$windows" python.exe "${suite[@]}"
fi
