#!/usr/bin/env bash
# The tests look at the page with a real browser: installs Debian's where none is there. Where that cannot be done, the tests say what is missing.
set -euo pipefail
for name in chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null && exit 0
done
[ -n "${CHROMIUM:-}" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  { apt-get update && apt-get install -y --no-install-recommends chromium; } ||
    echo "chromium could not be installed: the tests of the page will fail" >&2
fi
