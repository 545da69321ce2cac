"""What a run gives as its answer: the value that its code or its reply offers, the text of it, and whether it has the asked form.

Main thread only; `end_block` runs inside a block, since an object's own repr is foreign code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rlm_lab.engine.finals import MISSING, prose_value, text_of
from rlm_lab.engine.host import Host
from rlm_lab.engine.interrupts import calls_user_code
from rlm_lab.engine.observation import BlockReport
from rlm_lab.engine.queries import NOTHING, Queries
from rlm_lab.engine.replies import ParsedReply
from rlm_lab.engine.schema import Schema
from rlm_lab.errors import SchemaError


class Answers:
    """`value` and `text` are the answer that was taken last, None and nothing before."""

    def __init__(self, host: Host, queries: Queries, schema: Schema | None) -> None:
        self._host = host
        self._queries = queries
        self._schema = schema
        self._said: tuple[Any, str] = (NOTHING, "")
        self.value: Any = None
        self.text = ""

    @calls_user_code
    def end_block(self, namespace: Mapping[str, Any]) -> None:
        """Inside a block, at its end: makes the text of a final value, whose own repr can be cut there as any code can."""
        self._queries.look_at(namespace)
        value = self._queries.pending
        if value is not NOTHING:
            self._said = (value, text_of(value, self._host.bundle))

    def text_of(self, value: Any) -> str:
        return self._said[1] if self._said[0] is value else text_of(value, self._host.bundle)

    def offered(self, parsed: ParsedReply, reports: Sequence[BlockReport], names: Mapping[str, Any]) -> Any:
        """The answer that a reply gave, `MISSING` if none: one beside code counts only once the code has run well."""
        value = self._queries.take_final()
        failed = any(report.error is not None for report in reports)
        if value is not NOTHING:
            return MISSING if failed else value
        if parsed.final is None or failed:
            return MISSING
        return prose_value(parsed.final, names, ran_code=bool(reports))

    def take(self, value: Any) -> str | None:
        """Keeps a value as the answer; what is wrong with it, if it does not have the form that was asked for."""
        if self._schema is not None:
            try:
                value = self._schema.check(value)
            except SchemaError as error:
                return str(error)
        self.value, self.text = value, self.text_of(value)
        return None
