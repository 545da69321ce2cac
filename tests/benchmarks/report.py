"""Medians, ratios to the best peer, and the table; imports nothing of what is measured."""

from __future__ import annotations

import os
import platform
import statistics
from dataclasses import dataclass
from typing import Any

from dialects import PEERS, RLM_LAB
from measures import BATCH, CALL_SECONDS, IN_A_ROW, ITERATIONS, QUERIES, TEXT_CHARACTERS, Samples

Medians = dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the table. `target` is the largest allowed ratio to the best peer; other targets are told in `target_text`."""

    metric: str
    title: str
    unit: str
    target: float | None = None


ROWS = (
    Row(metric="run", title="fixed cost of a warm run (1 iteration that answers)", unit="ms", target=1.0),
    Row(metric="run_first", title=f"... the first of {IN_A_ROW} in a row, after another system's turn", unit="ms"),
    Row(metric="iteration", title=f"overhead of one iteration (of {ITERATIONS})", unit="ms", target=1.0),
    Row(metric="iteration_whole", title="... by the difference of whole runs", unit="ms"),
    Row(metric="query", title=f"overhead of one `llm_query` (of {QUERIES} in one block)", unit="ms", target=1.0),
    Row(metric="query_whole", title="... by the difference of whole runs", unit="ms"),
    Row(metric="batch", title=f"batch of {BATCH} calls of {CALL_SECONDS * 1000:.0f} ms, default settings", unit="s", target=0.35),
    Row(metric="batch_wide", title=f"... with {BATCH} calls in flight asked for", unit="s"),
    Row(metric="import", title="`import`", unit="s", target=0.5),
    Row(metric="bare", title="import of all that a run needs", unit="s"),
    Row(metric="bare_peak", title="... peak memory", unit="MB"),
    Row(metric="small_1", title="1 kB text, fresh process, 1 iteration", unit="s"),
    Row(metric="small_1_peak", title="... peak memory", unit="MB"),
    Row(metric="text_1", title=f"{TEXT_CHARACTERS // 10**6} MB text, fresh process, 1 iteration: import and run", unit="s"),
    Row(metric="text_1_over", title="... above its own import", unit="s"),
    Row(metric="text_1_peak", title="... peak memory, all processes", unit="MB"),
    Row(metric="text_5", title=f"{TEXT_CHARACTERS // 10**6} MB text, fresh process, 5 iterations: import and run", unit="s"),
    Row(metric="text_5_over", title="... above its own import", unit="s"),
    Row(metric="text_5_peak", title="... peak memory, all processes", unit="MB"),
)
SCALES = {"ms": 1e3, "s": 1.0, "MB": 1e-6}
OVER_IMPORT_SECONDS = 0.2
SPARE_BYTES = 100_000_000
"""What a run may take beside the text and the imports before it counts as a second copy."""


def medians(samples: Samples) -> Medians:
    """The median of each metric and system, and the differences that are made of medians."""
    middle = {
        metric: {name: statistics.median(values) for name, values in by_name.items() if values}
        for metric, by_name in samples.values.items()
    }
    for metric, parts in (("iteration", ITERATIONS), ("query", QUERIES + 1)):  # One more call opened the connection.
        middle[f"{metric}_whole"] = _difference(middle, f"{metric}_run", "run", parts)
    for metric in ("text_1", "text_5"):
        middle[f"{metric}_over"] = _difference(middle, metric, "bare", 1)
    return middle


def _difference(middle: Medians, whole: str, rest: str, parts: int) -> dict[str, float]:
    others = middle.get(rest, {})
    return {name: (value - others[name]) / parts for name, value in middle.get(whole, {}).items() if name in others}


def verdicts(middle: Medians) -> dict[str, bool]:
    """The targets of rlm_lab that could be judged, by their words."""
    found: dict[str, bool] = {}
    for row in ROWS:
        ratio = ratio_to_best(middle.get(row.metric, {}))
        if row.target is not None and ratio is not None:
            found[f"{row.title}: <= {row.target:g} x the best peer"] = ratio <= row.target
    name = RLM_LAB.name
    for metric in ("text_1", "text_5"):
        if name in middle.get(f"{metric}_over", {}):
            found[f"{metric}: import + <= {OVER_IMPORT_SECONDS} s"] = middle[f"{metric}_over"][name] <= OVER_IMPORT_SECONDS
            above = middle[f"{metric}_peak"][name] - middle["bare_peak"][name] - TEXT_CHARACTERS
            found[f"{metric}: no second copy ({above / 1e6:.0f} MB beside text and imports)"] = above <= SPARE_BYTES
    return found


def ratio_to_best(by_name: dict[str, float]) -> float | None:
    best = best_peer(by_name)
    return by_name[RLM_LAB.name] / by_name[best] if best and RLM_LAB.name in by_name else None


def best_peer(by_name: dict[str, float]) -> str | None:
    return min((name for name in PEERS if name in by_name), key=lambda name: by_name[name], default=None)


def markdown(samples: Samples, versions: dict[str, str]) -> str:
    """The table, the verdicts and the notes."""
    middle = medians(samples)
    names = (RLM_LAB.name, *PEERS)
    head = ["", *(f"{name} {versions.get(name, '')}".strip() for name in names), "rlm_lab / best peer", "to reach", "n"]
    lines = [_line(head), _line(["---"] * len(head))]
    for row in ROWS:
        if by_name := middle.get(row.metric):
            lines.append(_line(_cells(row, by_name, names, samples)))
    if floor := middle.get("floor"):
        lines.append(
            f"\nBare request to the stub on an open connection (in every figure): {floor['bare request'] * 1e3:.2f} ms. "
            f"Load of the machine at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores."
        )
    lines += [f"- {'reached' if good else 'NOT reached'}: {words}" for words, good in verdicts(middle).items()]
    lines += [f"- {key}: {note}" for key, note in samples.notes.items()]
    return "\n".join(lines)


def _cells(row: Row, by_name: dict[str, float], names: tuple[str, ...], samples: Samples) -> list[str]:
    best = None if row.metric.endswith("_whole") else best_peer(by_name)
    scale = SCALES[row.unit]
    values = [f"{by_name[name] * scale:.{_digits(row.unit)}f} {row.unit}" if name in by_name else "-" for name in names]
    values = [f"**{value}**" if name == best else value for name, value in zip(names, values, strict=True)]
    ratio = ratio_to_best(by_name) if row.target is not None else None
    return [
        row.title,
        *values,
        f"{ratio:.2f} x" if ratio is not None else "",
        f"<= {row.target:g} x" if row.target is not None else "",
        _counts(row.metric, names, samples),
    ]


def _digits(unit: str) -> int:
    return {"ms": 2, "s": 3, "MB": 0}[unit]


def _counts(metric: str, names: tuple[str, ...], samples: Samples) -> str:
    taken = samples.values.get(metric, {})
    counts = [str(len(taken[name])) for name in names if taken.get(name)]
    return counts[0] if len(set(counts)) == 1 else " ".join(counts)


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def as_json(samples: Samples, versions: dict[str, str], seconds: float) -> dict[str, Any]:
    middle = medians(samples)
    return {
        "seconds": seconds,
        "machine": {"platform": platform.platform(), "python": platform.python_version(), "load": os.getloadavg()},
        "versions": versions,
        "unit": "seconds; peaks are bytes",
        "medians": middle,
        "ratio_to_best_peer": {metric: ratio_to_best(by_name) for metric, by_name in middle.items()},
        "targets": verdicts(middle),
        "samples": {metric: dict(by_name) for metric, by_name in samples.values.items()},
        "notes": samples.notes,
    }
