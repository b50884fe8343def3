#!/usr/bin/env bash
# Fetch the speech that Debian ships (712 MB) and unpack it into FOLDER, one folder a package. Needs apt-get and dpkg.
#     recipes/fetch_debian_speech.sh FOLDER
set -euo pipefail
folder=${1:?usage: fetch_debian_speech.sh FOLDER}
mkdir -p "$folder"
cd "$folder"
apt-get download festvox-ru asterisk-core-sounds-{en,es,fr,it,ru}-g722 fillets-ng-data-cs fillets-ng-data-nl \
  tuxpaint-stamps-default klettres-data ktuberling-data hedgewars-data gcin-voice kajongg pocketsphinx-testdata
for package in *.deb; do
  dpkg -x "$package" "${package%%_*}"
done
