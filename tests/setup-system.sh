#!/bin/sh
# Install the Debian packages that the tests use: browsers to see the pages with, fonts for Chinese
# text, a TURN server, what makes networks of a test's own, a second judge of timetables, a clock that
# can be set, and the programs that deploy/ is for. Where that is not possible, say what to do.
set -eu
packages=""
command -v chromium >/dev/null || packages="$packages chromium"
command -v firefox-esr >/dev/null || packages="$packages firefox-esr"
fc-list 2>/dev/null | grep -qi cjk || packages="$packages fonts-noto-cjk"
command -v turnserver >/dev/null || packages="$packages coturn"
PATH="$PATH:/usr/sbin:/sbin"
command -v ip >/dev/null && command -v tc >/dev/null || packages="$packages iproute2"
command -v nft >/dev/null || packages="$packages nftables"
command -v ping >/dev/null || packages="$packages iputils-ping"
command -v fet-cl >/dev/null || packages="$packages fet"
command -v faketime >/dev/null || packages="$packages faketime"
command -v systemd-analyze >/dev/null || packages="$packages systemd"
command -v nginx >/dev/null || packages="$packages nginx-light"
command -v promtool >/dev/null || packages="$packages prometheus"
command -v logrotate >/dev/null || packages="$packages logrotate"
command -v openssl >/dev/null || packages="$packages openssl"
[ -z "$packages" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends $packages fontconfig >/dev/null
else
    echo "The browser tests need:$packages. Please install them (on Debian, as root:" >&2
    echo "  apt install$packages), then run this again." >&2
    exit 1
fi
