#!/usr/bin/env bash
# A whole run of the application by keys and mouse in a real X window, and the pictures of docs/gui:
# pick a file in the dialog, listen, switch sides, encode, play the result, decode it, queue a folder, meet an error; light and dark.
# Needs xvfb, openbox, xdotool and ImageMagick, and an environment with '.[gui]' in which it is called.
# Usage: packaging/pictures/take.sh FOLDER      (new; pictures and recordings go there)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir "$1"
cd "$1"
work=$PWD
python "$here/make_recordings.py" "$work/recordings"
export DISPLAY=:78 XDG_CONFIG_HOME=$work/settings BREVOX_MODELS=$work/models QT_QPA_PLATFORM=xcb HOME=$work
Xvfb :78 -screen 0 1280x800x24 >/dev/null 2>&1 &
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
sleep 2
openbox >/dev/null 2>&1 &
sleep 1

start() {  # start SCHEME FILES...: opens the window in these colours
  mkdir -p "$XDG_CONFIG_HOME/Brevox"
  printf '[General]\nscheme=%s\n' "$1" > "$XDG_CONFIG_HOME/Brevox/Brevox.conf"
  shift
  python -m brevox.gui "$@" > "$work/log" 2>&1 &
  app=$!
  window=
  for _ in $(seq 60); do
    window=$(xdotool search --onlyvisible --name '^Brevox$' | tail -1) || true
    [ -n "$window" ] && break
    sleep 0.5
  done
  [ -n "$window" ] || { cat "$work/log"; exit 1; }
  sleep 4
  xdotool windowactivate --sync "$window"
  eval "$(xdotool getwindowgeometry --shell "$window")"
}
picture() { import -window "$window" -silent "$work/$1.png" && mogrify -strip -colors 96 "$work/$1.png"; }
open_first_row() { xdotool mousemove $((X + 100)) $((Y + 98)) click --repeat 2 --delay 80 1; }
pick() { xdotool key ctrl+o; sleep 2; xdotool type --delay 20 "$1"; xdotool key Return; sleep 3; }
stop() { xdotool key ctrl+q; wait "$app"; }

start light
pick "$work/recordings/Interview with Anna.flac"
open_first_row
sleep 7
xdotool key x
sleep 1
picture ab
xdotool key ctrl+Return
sleep 5
test -s "$work/recordings/Interview with Anna.sc"
xdotool key ctrl+2
sleep 1
pick "$work/recordings/Interview with Anna.sc"
open_first_row
sleep 5
picture playing
xdotool key ctrl+Return
sleep 5
test -s "$work/recordings/Interview with Anna.wav"
stop

start light "$work/recordings/episodes"
picture light
xdotool key ctrl+Return
sleep 3.5
picture queue
until [ -e "$work/recordings/episodes/Episode 6.sc" ]; do sleep 1; done  # while it works, closing would ask
sleep 2
stop

start light "$work/recordings/Archive 1998.sc"
xdotool key ctrl+2
sleep 0.5
xdotool key ctrl+Return
sleep 5
picture error
stop

start dark "$work/recordings/Interview with Anna.flac"
xdotool key ctrl+l
sleep 7
picture dark
stop
echo "pictures in $work"
