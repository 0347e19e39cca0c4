#!/usr/bin/env bash
# A Linux Python that lacks what macOS lacks (sitecustomize.py): `lane.sh FOLDER COMMAND …`, from the repository's root.
#
#     tests/systems/macos/lane.sh ~/.cache/meticulous-macos python -m pytest -n 2 packages
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
root=$(readlink -f "$here/../../..")
lane=$(readlink -m "$1")
shift
cd "$root"
uv() { if [ -x "$root/.venv/bin/uv" ]; then "$root/.venv/bin/uv" "$@"; else python3 -m uv "$@"; fi; }
if [ "$(cat "$lane/built" 2>/dev/null)" != "$root" ]; then  # its packages are those of one checkout
  uv venv -q --clear --python python3 "$lane"
  uv pip install -q --python "$lane" --group pyproject.toml:meticulous-record --group pyproject.toml:meticulous-cli pytest-xdist \
    -e packages/meticulous-record -e packages/meticulous-read -e packages/meticulous-cli
  echo "$root" >"$lane/built"
fi
cp "$here/sitecustomize.py" "$("$lane/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/"
[ "$#" -eq 0 ] || PATH="$lane/bin:$PATH" "$@"
