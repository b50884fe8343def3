#!/usr/bin/env bash
# The pictures of docs/gui, and a whole run by mouse and keyboard in a real X window: pick a file, listen, switch sides, encode, play
# the result, decode it, meet errors, in light and dark. Needs xvfb, openbox, xdotool, ImageMagick and `pip install '.[gui]'`.
# Usage: packaging/screenshots.sh RECORDING.flac FOLDER-OF-RECORDINGS FILE-OF-A-MISSING-MODEL.sc OUTPUT
set -euo pipefail
