"""Keeps what the server's packages log on the dashboard's thread out of the user's cells.

A page that is closed is a warning to Bokeh; without a handler, logging writes it to stderr: in a kernel, into a cell.
Such records go to our own logger, as what they are to a user: details. Holds no state; the dashboard's thread calls it once.
"""

from __future__ import annotations

import logging

_logger = logging.getLogger(__name__)
_TALKERS = ("bokeh", "tornado", "panel")


def hush(thread: int) -> None:
    """Passes records of one thread on at the level of details; those of other threads, a user's own server, stay as they are."""

    def is_not_ours(record: logging.LogRecord) -> bool:
        if record.thread != thread or record.levelno < logging.INFO:
            return True
        if _logger.isEnabledFor(logging.DEBUG):
            _logger.debug("%s: %s", record.name, record.getMessage(), exc_info=record.exc_info)
        return False

    for name in list(logging.Logger.manager.loggerDict):
        if name.partition(".")[0] in _TALKERS:
            logging.getLogger(name).addFilter(is_not_ours)
