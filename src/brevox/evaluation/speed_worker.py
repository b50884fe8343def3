"""What `speed_process` starts for each measurement: a process that encodes or decodes one file, once.

It reads a task from its standard input, pickled, and prints one line of JSON: seconds, or what went wrong.
"""

from __future__ import annotations

import json
import pickle
import sys
import time
from pathlib import Path


def main() -> None:
    """Do the task: a tuple of peer, whether to encode, source, target, kbit/s and threads."""
    try:
        # Here the peer's own module is imported, and none of the other codecs'.
        peer, encodes, source, target, kbps, threads = pickle.load(sys.stdin.buffer)
        peer.prepare(threads)
        # The clock is the whole system's: the parent knows when by it this process was started.
        ready, started = time.monotonic(), time.perf_counter()
        if encodes:
            peer.encode(source, target, kbps)
        else:
            peer.decode(source, target)
        told: dict[str, float | str] = {"ready": ready, "coding_s": time.perf_counter() - started, "own_mb": _peak_mb()}
    except Exception as error:  # whatever goes wrong in a codec is a result: that it cannot be measured
        told = {"problem": " ".join((str(error) or type(error).__name__).split())}
    print(f"\n{json.dumps(told)}")


def high_water_mb(pid: int | str) -> float | None:
    """The largest resident set that a process has had since it became the program that it is, in MB; Linux only.

    Returns:
        None if the process has ended.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 / 1e6 for line in status.splitlines() if line.startswith("VmHWM")), None)


def _peak_mb() -> float:
    """The largest resident set that this process has had, in MB."""
    if sys.platform == "linux":
        # What getrusage tells there includes the parent's, from before this program took its place.
        return high_water_mb("self") or 0.0
    if sys.platform == "win32":
        import psutil

        return float(psutil.Process().memory_info().peak_wset) / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # bytes on macOS


if __name__ == "__main__":
    main()
