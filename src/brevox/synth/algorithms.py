"""The 32 ways in which the DX7 connects its six operators, after the chart on its panel."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Algorithm:
    """Who modulates whom.

    Attributes:
        carriers: the operators that are heard.
        modulators: of operator 1 ... 6, at 0 ... 5: the operators that modulate it, feedback left out; all have
            higher numbers.
        feedback: the operator whose output is fed back, and the one it is fed back to.
    """

    carriers: tuple[int, ...]
    modulators: tuple[tuple[int, ...], ...]
    feedback: tuple[int, int]


def _algorithm(carriers: str, connections: str, feedback: str) -> Algorithm:
    modulators: list[list[int]] = [[] for _ in range(6)]
    for pair in connections.split():
        source, target = map(int, pair)
        modulators[target - 1].append(source)
    fed_back = (int(feedback[0]), int(feedback[1]))
    return Algorithm(tuple(map(int, carriers)), tuple(map(tuple, modulators)), fed_back)


#: Algorithms 1 ... 32, at 0 ... 31. "43": operator 4 modulates operator 3.
ALGORITHMS = (
    _algorithm("13", "21 43 54 65", "66"),
    _algorithm("13", "21 43 54 65", "22"),
    _algorithm("14", "21 32 54 65", "66"),
    _algorithm("14", "21 32 54 65", "46"),
    _algorithm("135", "21 43 65", "66"),
    _algorithm("135", "21 43 65", "56"),
    _algorithm("13", "21 43 53 65", "66"),
    _algorithm("13", "21 43 53 65", "44"),
    _algorithm("13", "21 43 53 65", "22"),
    _algorithm("14", "21 32 54 64", "33"),
    _algorithm("14", "21 32 54 64", "66"),
    _algorithm("13", "21 43 53 63", "22"),
    _algorithm("13", "21 43 53 63", "66"),
    _algorithm("13", "21 43 54 64", "66"),
    _algorithm("13", "21 43 54 64", "22"),
    _algorithm("1", "21 31 43 51 65", "66"),
    _algorithm("1", "21 31 43 51 65", "22"),
    _algorithm("1", "21 31 41 54 65", "33"),
    _algorithm("145", "21 32 64 65", "66"),
    _algorithm("124", "31 32 54 64", "33"),
    _algorithm("1245", "31 32 64 65", "33"),
    _algorithm("1345", "21 63 64 65", "66"),
    _algorithm("1245", "32 64 65", "66"),
    _algorithm("12345", "63 64 65", "66"),
    _algorithm("12345", "64 65", "66"),
    _algorithm("124", "32 54 64", "66"),
    _algorithm("124", "32 54 64", "33"),
    _algorithm("136", "21 43 54", "55"),
    _algorithm("1235", "43 65", "66"),
    _algorithm("1236", "43 54", "55"),
    _algorithm("12345", "65", "66"),
    _algorithm("123456", "", "66"),
)
