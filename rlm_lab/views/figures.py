"""Numbers as text, in one spelling everywhere: `13.1 s`, `0:27`, `0.085 USD`, `8.9 k`, `2.1 MB`.

Figures come from logs, so anything that is not a finite number becomes `?`. May be used from any thread.
"""

from __future__ import annotations

import math

UNKNOWN = "?"


def seconds(value: float) -> str:
    """A short time.

    >>> seconds(0.0214), seconds(13.1), seconds(127)
    ('0.02 s', '13.1 s', '2:07')
    """
    if not _fits(value):
        return UNKNOWN
    if value >= 100:
        return clock(value)
    if value < 0.005:
        return "0 s"
    return f"{value:.2f} s" if value < 0.095 else f"{value:.1f} s"


def clock(value: float) -> str:
    """A longer time, as on a clock.

    >>> clock(27), clock(3_723)
    ('0:27', '1:02:03')
    """
    if not _fits(value):
        return UNKNOWN
    minutes, rest = divmod(int(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def dollars(value: float) -> str:
    """US dollars, without the unit.

    >>> dollars(0), dollars(0.0851), dollars(0.1), dollars(12.5), dollars(0.00042)
    ('0', '0.085', '0.10', '12.50', '0.00042')
    """
    if not _fits(value):
        return UNKNOWN
    if value == 0:
        return "0"
    if value >= 0.0995:
        return f"{value:,.2f}"
    return f"{value:.3f}" if value >= 0.001 else f"{value:.{min(1 - math.floor(math.log10(value)), 9)}f}"


def money(value: float) -> str:
    """US dollars.

    >>> money(0.085)
    '0.085 USD'
    """
    return f"{dollars(value)} USD"


def thousands(value: float) -> str:
    """A count, told roughly from 1,000 on.

    >>> thousands(640), thousands(8_912), thousands(522_000), thousands(1_100_000), thousands(12_000_000)
    ('640', '8.9 k', '522 k', '1.1 M', '12 M')
    """
    if not _fits(value):
        return UNKNOWN
    if value < 1_000:
        return f"{value:.0f}"
    size, unit = (value / 1_000, "k") if value < 999_500 else (value / 1_000_000, "M")
    text = f"{size:.1f}" if size < 99.95 else f"{size:,.0f}"
    return f"{text.removesuffix('.0')} {unit}"


def size(value: float) -> str:
    """A number of bytes.

    >>> size(28), size(9_800), size(2_100_000)
    ('28 B', '9.8 kB', '2.1 MB')
    """
    if not _fits(value):
        return UNKNOWN
    for limit, unit in ((1e3, "B"), (1e6, "kB"), (1e9, "MB"), (math.inf, "GB")):
        if value < limit * 0.9995:
            number = value / (limit / 1e3 if limit < math.inf else 1e9)
            return f"{number:.1f}".removesuffix(".0") + f" {unit}" if number < 100 else f"{number:,.0f} {unit}"
    return UNKNOWN


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "call"), counted(1_000, "call")
    ('1 call', '1,000 calls')
    """
    plural = f"{noun[:-1]}ies" if noun.endswith("try") else f"{noun}es" if noun.endswith("ch") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def _fits(value: float) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value) and 0 <= value < 1e15
