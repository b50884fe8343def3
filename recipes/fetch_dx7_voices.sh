#!/usr/bin/env bash
# Fetch the 432 DX7 voices that Debian's hexter ships (GPL-2+) into FOLDER. Needs apt-get and dpkg.
#     recipes/fetch_dx7_voices.sh FOLDER
set -euo pipefail
folder=${1:?usage: fetch_dx7_voices.sh FOLDER}
mkdir -p "$folder"
cd "$folder"
apt-get download hexter
dpkg -x hexter_*.deb unpacked
mv unpacked/usr/share/hexter/*.dx7 .
rm -r unpacked hexter_*.deb
