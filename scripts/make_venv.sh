#!/bin/sh
# Makes .venv with what the trunk needs: `runtime`, or `dev` for its tests and checks as well.
# Works on a fresh Debian or Ubuntu with Python 3.11 or newer; what it may not install itself, it names in one line.
set -eu

extras=""
[ "${1:-runtime}" = dev ] && extras="[dev]"

find_python() {
    for candidate in ${PYTHON:-} python3.11 python3.12 python3.13 python3.14 python3; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "Python 3.11 or newer is needed: install it, or name it with PYTHON=..." >&2
    exit 1
}

make_venv() {
    "$1" -m venv .venv 2>/dev/null && return
    rm -rf .venv
    # Debian keeps ensurepip in a package of its own.
    package=$("$1" -c 'import sys; print(f"python{sys.version_info[0]}.{sys.version_info[1]}-venv")')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing $package ..."
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >/dev/null
        "$1" -m venv .venv
    else
        echo "$1 cannot make virtual environments; install its package first: sudo apt-get install $package" >&2
        exit 1
    fi
}

[ -x .venv/bin/python ] || make_venv "$(find_python)"
echo "installing the trunk and its libraries into .venv ..."
.venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".$extras" 2>build-venv.log || {
    cat build-venv.log >&2
    rm -f build-venv.log
    exit 1
}
rm -f build-venv.log
