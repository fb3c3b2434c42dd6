#!/bin/sh
# Install the Debian packages named that are missing, where it is permitted; else name the one command to type.
set -eu

if ! command -v dpkg-query >/dev/null 2>&1; then
  echo "This is not Debian; please see to it that the equivalents of these are installed: $*" >&2
  exit 0
fi

missing=
for package in "$@"; do
  dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
  as=
elif sudo -n true 2>/dev/null; then
  as=sudo
else
  echo "Packages of the system are missing, and only its administrator may install them. Please type" >&2
  echo "    sudo apt-get install --yes$missing" >&2
  echo "and repeat the command." >&2
  exit 1
fi

echo "Installing$missing"
# Servers are installed for the suite to start its own; the machine's run level keeps Debian from starting others.
$as env DEBIAN_FRONTEND=noninteractive apt-get update -qq
# shellcheck disable=SC2086 # one word per package
$as env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
  apt-get install --yes --no-install-recommends -qq -o Dpkg::Use-Pty=0 $missing >/dev/null
