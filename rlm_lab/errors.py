"""Every error that rlm_lab raises at a user, as one tree.

A message says what happened, the value, and the remedy, in one line; a notebook shows that line and no traceback.
This module imports nothing and may be used from any thread.
"""

from __future__ import annotations


class RLMError(Exception):
    """Base of all errors that a user can mend."""

    def _render_traceback_(self) -> list[str]:
        """What IPython prints in place of a traceback: the class and its one line."""
        return [f"{type(self).__name__}: {self}"]


class UsageError(RLMError):
    """The words of a command, or the arguments of a function, do not fit."""


class ConfigError(RLMError):
    """A setting, an environment variable or an installed part is missing or wrong."""


class ContextError(RLMError):
    """A context cannot be found, read or described."""


class ModelError(RLMError):
    """A model could not give a reply; `retries` further tries were made before this was raised."""

    def __init__(self, message: str, *, retries: int = 0) -> None:
        super().__init__(message)
        self.retries = retries


class ModelNotFoundError(ModelError):
    """No model has this name."""


class AuthenticationError(ModelError):
    """The endpoint refused the key, or no key is set."""


class RateLimitError(ModelError):
    """The endpoint refused the request for now (HTTP 429)."""


class ModelTimeoutError(ModelError):
    """No reply came within the time limit of a call."""


class ModelUnavailableError(ModelError):
    """The endpoint cannot be reached, failed (HTTP 5xx), or cut its reply."""


class CassetteMismatchError(ModelError):
    """A played cassette holds no reply to what was asked; the message shows the first difference."""


class BudgetExceededError(RLMError):
    """A limit of the run's budget would be crossed; `limit` is its name in `Budget`."""

    def __init__(self, message: str, *, limit: str) -> None:
        super().__init__(message)
        self.limit = limit


class NotSentError(RLMError):
    """A call of a batch was not sent, because the user let only the first ones be made."""


class SchemaError(RLMError):
    """An answer does not have the form that was asked for."""


class NotInRunError(RLMError):
    """`llm_query` or one of its kin was called where no run can answer it."""


class BlockError(RLMError):
    """A block did what it may not: asked for input, a shell command that is not allowed, its limit of time."""


class LogError(RLMError):
    """A run's log cannot be read or written; the message names file and line."""


class StateError(RLMError):
    """A command does not fit the state of the run; the message names the state and what is possible."""


class BlockStopped(BaseException):
    """Thrown into a suspended block to end it."""
