"""On what machine and with which programs something was measured."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import brevox

_PACKAGES = ("numpy", "onnxruntime", "av", "soxr", "torch")


def describe_environment(packages: tuple[str, ...] = ()) -> dict[str, str]:
    """Names and values for people to read: machine, system, Python, and versions of packages that are installed."""
    facts = {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "system": platform.platform(),
        "Python": platform.python_version(),
        "brevox": brevox.__version__,
    }
    for package in (*_PACKAGES, *packages):
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            continue
    return facts


def command_line() -> str:
    """What the user typed, near enough to type it again."""
    program, *rest = sys.argv
    return " ".join([Path(program).name, *(f"'{word}'" if " " in word else word for word in rest)])


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
