#!/bin/sh
# Install the Debian packages that the tests use: a browser to see the pages with, fonts for Chinese
# text, and a TURN server. Where that is not possible, say what to do.
set -eu
packages=""
command -v chromium >/dev/null || packages="$packages chromium"
fc-list 2>/dev/null | grep -qi cjk || packages="$packages fonts-noto-cjk"
command -v turnserver >/dev/null || packages="$packages coturn"
[ -z "$packages" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages fontconfig >/dev/null
else
    echo "The browser tests need:$packages. Please install them (on Debian, as root:" >&2
    echo "  apt install$packages), then run this again." >&2
    exit 1
fi
