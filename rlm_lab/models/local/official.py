"""The official source of a model's file: one address over HTTP, read from where an earlier try stopped.

Blocks; runs on the thread of `install`. Proxies are the environment's.
"""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from rlm_lab.models.local.transfer import CHUNK, SourceError, Transfer

_READ_SECONDS = 60.0  # without a byte, after the address has answered
_PARTIAL_CONTENT = 206


def fetch(url: str, transfer: Transfer, *, connect_seconds: float) -> None:
    """Append what is missing. Raises `SourceError` where the address does not answer, or breaks off."""
    transfer.need_room()
    if transfer.done >= transfer.size:
        return
    try:
        with _open(url, transfer.done, connect_seconds) as response:
            if response.status != _PARTIAL_CONTENT:
                transfer.cut(0)  # it does not give ranges: what it sends is the file from its start
            transfer.append(_pieces(response), f"from {url.split('/')[2]}")
    except (urllib.error.URLError, http.client.HTTPException, ssl.SSLError, TimeoutError, ConnectionError) as error:
        raise SourceError(f"no answer ({getattr(error, 'reason', None) or error})") from error
    if transfer.done < transfer.size:
        raise SourceError(f"it broke off after {transfer.done:,} of {transfer.size:,} bytes")


def _open(url: str, start: int, seconds: float) -> Any:
    if not url.startswith(("https://", "http://127.0.0.1")):
        raise SourceError("only https addresses are used")
    headers = {"User-Agent": "rlm-lab", "Accept-Encoding": "identity", "Range": f"bytes={start}-"}
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=seconds)


def _pieces(response: http.client.HTTPResponse) -> Iterator[bytes]:
    _allow_slow_reads(response)
    while piece := response.read(CHUNK):
        yield piece


def _allow_slow_reads(response: http.client.HTTPResponse) -> None:
    """The short time limit is for the connection; a slow line may take longer over a piece."""
    raw = getattr(response.fp, "raw", None)
    connection = getattr(raw, "_sock", None)
    if connection is not None:
        connection.settimeout(_READ_SECONDS)
