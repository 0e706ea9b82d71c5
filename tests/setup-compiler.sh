#!/bin/sh
# Install what the compiled part of media/ is built with: a C compiler and the headers of the Python
# named. Where that is not possible, say what to do.
set -eu
python=$1
has_all() {
    command -v cc >/dev/null && "$python" -c '
import pathlib, sys, sysconfig
sys.exit(not pathlib.Path(sysconfig.get_path("include"), "Python.h").exists())'
}
has_all && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc libc6-dev python3-dev >/dev/null
fi
has_all && exit 0
echo "The tests need a C compiler and the headers of $python. Please install them (on Debian, as root:" >&2
echo "  apt install gcc libc6-dev python3-dev), then run this again." >&2
exit 1
