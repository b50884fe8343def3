"""How near the FM renderer comes to Dexed's engine (PyPI dexed-py, GPL-3), on every voice of DX7 banks.

    pip install dexed-py==0.3.0
    bash recipes/fetch_dx7_voices.sh voices
    python benchmarks/synth_renderer.py voices --output benchmarks/synth_renderer.json

Each voice plays one note in both, and of each pair of sounds this measures

- the pitch of the five strongest partials of the first second of sound, in cents;
- the times of the envelope: to 90 % of its highest, from there to a tenth, and after release to a tenth;
- the log-spectral difference: root mean square over frequency, mean over time, of dB above 80 dB below the peak.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import dexed
import numpy as np

from brevox.output import write_json
from brevox.synth.banks import read_bank
from brevox.synth.renderer import render

RATE = 44_100
NOTE, VELOCITY, HOLD_S, TOTAL_S = 60, 100, 3.0, 4.0
PARTIALS = 5
STEP_S = 0.01
#: Sounds that never exceed this in either are not compared.
SILENT = 1e-3
#: Envelope times nearer than this are equal, whatever their ratio.
NEAR_S = 0.03


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("banks", type=Path, help="folder of *.syx and *.dx7")
    parser.add_argument("--output", type=Path, help="JSON")
    arguments = parser.parse_args()
    files = sorted(path for path in arguments.banks.iterdir() if path.suffix.lower() in (".syx", ".dx7"))
    voices = [(f"{path.name} {i + 1}", v) for path in files for i, v in enumerate(read_bank(path).voices)]
    ours_s = theirs_s = 0.0
    rows = []
    for place, voice in voices:
        synth = dexed.DexedSynth(RATE)
        synth.load_patch(dexed.Patch.from_packed(voice.packed()))
        began = time.perf_counter()
        theirs = synth.render(NOTE, VELOCITY, HOLD_S, TOTAL_S).astype(np.float64)
        between = time.perf_counter()
        ours = render(voice, NOTE, VELOCITY, HOLD_S, TOTAL_S, RATE).astype(np.float64)
        theirs_s, ours_s = theirs_s + between - began, ours_s + time.perf_counter() - between
        row = {"voice": place, "name": voice.name, "algorithm": voice["algorithm"] + 1}
        if max(np.abs(theirs).max(), np.abs(ours).max()) >= SILENT:
            row |= compared(theirs, ours)
        rows.append(row)
    facts = summary(rows) | {
        "ours_x_real_time": TOTAL_S * len(voices) / ours_s,
        "theirs_x_real_time": TOTAL_S * len(voices) / theirs_s,
    }
    print(json.dumps(facts, indent=1, ensure_ascii=False))
    if arguments.output:
        write_json(arguments.output, {"summary": facts, "voices": rows})


def summary(rows: list[dict]) -> dict:
    heard = [row for row in rows if "lsd_db" in row]
    cents = np.array([cent for row in heard for cent in row["cents"]])
    ratios = np.array([ratio for row in heard for ratio in row["time_ratios"]])
    lsd = np.array([row["lsd_db"] for row in heard])
    worst = sorted(heard, key=lambda row: -row["lsd_db"])[:12]
    return {
        "voices": len(rows),
        "heard": len(heard),
        "partials": len(cents),
        "cents_median": float(np.median(cents)),
        "cents_95": float(np.percentile(cents, 95)),
        "share_within_5_cents": float(np.mean(cents <= 5)),
        "envelope_times": len(ratios),
        "time_ratio_median": float(np.median(ratios)),
        "share_within_20_percent": float(np.mean(np.abs(ratios - 1) <= 0.2)),
        "lsd_db_median": float(np.median(lsd)),
        "lsd_db_90": float(np.percentile(lsd, 90)),
        "level_db_median": float(np.median([row["level_db"] for row in heard])),
        "worst": [
            f"{row['lsd_db']:.1f} dB {row['name']} ({row['voice']}, algorithm {row['algorithm']})" for row in worst
        ],
    }


def compared(theirs: np.ndarray, ours: np.ndarray) -> dict:
    return {
        "cents": partial_cents(theirs, ours),
        "time_ratios": time_ratios(theirs, ours),
        "lsd_db": log_spectral_difference(theirs, ours),
        "level_db": float(10 * np.log10((ours**2).mean() / max(1e-12, (theirs**2).mean()) + 1e-12)),
    }


def partial_cents(theirs: np.ndarray, ours: np.ndarray) -> list[float]:
    """Of the strongest partials of the one, how far the nearest partial of the other is."""
    begin = int(np.argmax(envelope(theirs)) * STEP_S * RATE)
    begin = min(begin, int(HOLD_S * RATE) - RATE)
    found = [peaks(sound[begin : begin + RATE]) for sound in (theirs, ours)]
    strongest = sorted(found[0], key=lambda peak: -peak[1])[:PARTIALS]
    others = np.array([hz for hz, _ in found[1]])
    return [float(1200 * np.abs(np.log2(others / hz)).min()) for hz, _ in strongest] if len(others) else []


def peaks(sound: np.ndarray) -> list[tuple[float, float]]:
    """Frequency and level of partials that stand out, at most 40 dB below the strongest."""
    size = 4 * len(sound)
    level = 20 * np.log10(np.abs(np.fft.rfft(sound * np.hanning(len(sound)), size)) + 1e-9)
    top = np.flatnonzero((level[1:-1] > level[:-2]) & (level[1:-1] >= level[2:]) & (level[1:-1] > level.max() - 40)) + 1
    top = top[top * RATE / size > 25]
    left, middle, right = level[top - 1], level[top], level[top + 1]
    place = top + (left - right) / (2 * (left - 2 * middle + right))
    return list(zip((place * RATE / size).tolist(), middle.tolist(), strict=True))


def envelope(sound: np.ndarray) -> np.ndarray:
    """Root mean square of stretches of 30 ms, 10 ms apart, so that low notes do not ripple."""
    power = np.concatenate([[0.0], np.cumsum(sound**2)])
    ends = np.arange(1, int(TOTAL_S / STEP_S) + 1) * int(STEP_S * RATE)
    begins = np.maximum(0, ends - 3 * int(STEP_S * RATE))
    return np.sqrt((power[ends] - power[begins]) / (ends - begins))


def time_ratios(theirs: np.ndarray, ours: np.ndarray) -> list[float]:
    """Ratios of the times, ours to theirs, of what happens in both."""
    ratios = []
    for one, other in zip(times(theirs), times(ours), strict=True):
        if one is not None and other is not None:
            ratios.append(1.0 if abs(one - other) <= NEAR_S else other / one)
        elif one is not other:
            ratios.append(float("inf"))
    return ratios


def times(sound: np.ndarray) -> list[float | None]:
    """Attack, decay and release, in seconds; None for what does not happen."""
    level = envelope(sound)
    top = int(np.argmax(level >= 0.9 * level.max()))
    hold = int(HOLD_S / STEP_S)
    fallen = np.flatnonzero(level[top:hold] < 0.1 * level.max())
    held = level[hold - 1]
    let_go = np.flatnonzero(level[hold:] < 0.1 * held) if held > 0.03 * level.max() else []
    return [
        (top + 1) * STEP_S,
        (int(fallen[0]) + 1) * STEP_S if len(fallen) else None,
        (int(let_go[0]) + 1) * STEP_S if len(let_go) else None,
    ]


def log_spectral_difference(theirs: np.ndarray, ours: np.ndarray) -> float:
    size, hop = 2048, 512
    spectra = []
    for sound in (theirs, ours):
        frames = np.lib.stride_tricks.sliding_window_view(sound, size)[::hop] * np.hanning(size)
        spectra.append(np.abs(np.fft.rfft(frames)))
    floor = 1e-4 * spectra[0].max()
    one, other = (20 * np.log10(np.maximum(spectrum, floor)) for spectrum in spectra)
    return float(np.sqrt(((one - other) ** 2).mean(axis=1)).mean())


if __name__ == "__main__":
    main()
