"""Where an answer came from, as text and as static HTML: a tree from the answer to the data.

What several values were made of is told once, where it is met first. No scripts, no ids, no external loads; every text of the run
is escaped. May be used from any thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from rlm_lab.analysis.acts import clipped
from rlm_lab.analysis.provenance import Link, Node, Provenance
from rlm_lab.views.clean import escaped, plain
from rlm_lab.views.figures import counted
from rlm_lab.views.html import frame

MOST = 200  # nodes that are shown
_DEEPEST = 40
_SPANS = 3
_KINDS = {"context": "context", "notebook": "variable of the notebook", "person": "given by a person:", "child": "child run"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A node in the tree: how it is linked to the one above, and what it was made of. `again` says that it was told before."""

    node: Node
    link: Link | None
    again: bool = False
    branches: list[Branch] = field(default_factory=list)


def origin_text(origin: Provenance, width: int = 100) -> str:
    """The tree as plain text: `─` leads to what is certain, `┄` to what is likely, with the reason.

    >>> print(origin_text(Provenance(run="a", nodes=(Node(key="answer", kind="answer", run="a", value="EV"),))))
    Answer “EV”
    """
    root, left = tree_of(origin)
    lines = [clipped(_title(root.node), width), *_lines(root, "", width)]
    lines += [f"… {counted(left, 'more value')} left out here."] if left else []
    return "\n".join([*lines, *(plain(gap) for gap in origin.gaps)])


def origin_html(origin: Provenance) -> str:
    """The tree as nested lists that open and close.

    >>> "<script" in origin_html(Provenance(run="a", nodes=(Node(key="answer", kind="answer", run="a", value="<script>"),)))
    False
    """
    root, left = tree_of(origin)
    inside = "".join(_item(branch, 0) for branch in root.branches)
    body = f"<p><b>{_told(root.node)}</b> came from:</p><ul>{inside}</ul>" if inside else f"<p><b>{_told(root.node)}</b></p>"
    body += f"<p>{counted(left, 'more value')} left out here.</p>" if left else ""
    gaps = "".join(f"<p>{escaped(gap)}</p>" for gap in origin.gaps)
    return frame("", f'<div class="rlm-head">{body}{gaps}</div>')


def tree_of(origin: Provenance) -> tuple[Branch, int]:
    """The graph as a tree of at most `MOST` nodes, and how many were left out."""
    nodes = {node.key: node for node in origin.nodes}
    links: dict[str, list[Link]] = {}
    for link in origin.links:
        links.setdefault(link.value, []).append(link)
    root = Branch(node=origin.nodes[0], link=None)
    told, wanted = {root.node.key}, [(root, link, 1) for link in _below(links, root)]
    while wanted:
        above, link, depth = wanted.pop()
        if link.source not in nodes or (len(told) >= MOST and link.source not in told):
            continue
        again = link.source in told
        told.add(link.source)
        branch = Branch(node=nodes[link.source], link=link, again=again and link.source in links)
        above.branches.append(branch)
        if not again and depth < _DEEPEST:
            wanted += [(branch, below, depth + 1) for below in _below(links, branch)]
    return root, len(nodes) - len(told)


def _below(links: Mapping[str, list[Link]], branch: Branch) -> list[Link]:
    """The links of a node, the certain ones last: they are taken from the end."""
    ordered = sorted(links.get(branch.node.key, []), key=lambda link: not link.certain)
    return ordered[::-1]


def title_of(node: Node) -> str:
    """What a node is, and where, in words.

    >>> title_of(Node(key="k", kind="calls", run="a", step=2, line=5, calls=(3, 4, 5)))
    'calls 3 to 5, step 2, line 5'
    """
    place = [f"step {node.step}"] if node.step is not None else []
    place += [f"line {node.line}"] if node.line is not None else []
    if node.kind == "calls":
        first, last = node.calls[0] if node.calls else 0, node.calls[-1] if node.calls else 0
        what = f"call {first}" if len(node.calls) == 1 else f"calls {first} to {last}"
    elif node.kind == "output":
        what = "output"
    elif node.kind == "answer":
        what = "Answer" if node.value else "No answer"
    else:
        what = f"{_KINDS.get(node.kind, '')} {node.name}".strip()
    return ", ".join([what, *place])


def _title(node: Node) -> str:
    value = f" “{clipped(node.value, 80)}”" if node.value and node.kind in ("answer", "calls", "child", "output") else ""
    value = f" = {clipped(node.value, 80)}" if node.value and not value else value
    return plain(title_of(node) + value)


def how_of(link: Link | None) -> str:
    """Why a node stands there, where that is not plain, and which parts of a context."""
    if link is None:
        return ""
    spans = [f"{begin:,} to {end:,}" for begin, end, _ in link.spans[:_SPANS]]
    more = f" and {len(link.spans) - _SPANS:,} more parts" if len(link.spans) > _SPANS else ""
    parts = ["" if link.certain else f"likely: {link.reason}", f"at {', '.join(spans)}{more}" if spans else ""]
    return plain("; ".join(part for part in parts if part))


def _lines(branch: Branch, before: str, width: int) -> Iterator[str]:
    for at, below in enumerate(branch.branches):
        last = at == len(branch.branches) - 1
        mark = ("└" if last else "├") + ("─ " if below.link is None or below.link.certain else "┄ ")
        how = how_of(below.link)
        told = _title(below.node) + (f" ({how})" if how else "") + (", as above" if below.again else "")
        yield before + mark + clipped(told, max(width - len(before) - 3, 30))
        yield from _lines(below, before + ("   " if last else "│  "), width)


def _item(branch: Branch, depth: int) -> str:
    how = escaped(how_of(branch.link))
    doubt = "" if branch.link is None or branch.link.certain else ' class="rlm-flag"'
    told = (
        _told(branch.node) + (f" <small{doubt}>{how}</small>" if how else "") + (" <small>as above</small>" if branch.again else "")
    )
    inside = "".join(_item(below, depth + 1) for below in branch.branches)
    if not inside:
        return f"<li>{told}</li>"
    opened = " open" if depth < 6 else ""
    return f"<li><details{opened}><summary>{told}</summary><ul>{inside}</ul></details></li>"


def _told(node: Node) -> str:
    value = f" <code>{escaped(clipped(node.value, 80))}</code>" if node.value else ""
    return f"{escaped(clipped(title_of(node), 120))}{value}"
