"""Retrieval: BM25 ranks passages of the text by the question's words, and the model reads those that rank first."""

from collections.abc import Callable

import bm25s

PASSAGE = 600  # characters of a passage, about


def passages_of(text: str) -> list[str]:
    """The text cut at line ends into passages; a longer line is cut where it must be."""
    passages = [""]
    for line in text.splitlines(keepends=True):
        for start in range(0, len(line), PASSAGE):
            piece = line[start : start + PASSAGE]
            if passages[-1] and len(passages[-1]) + len(piece) > PASSAGE:
                passages.append("")
            passages[-1] += piece
    return [passage for passage in passages if passage.strip()]


def answer(question: str, text: str, ask: Callable[[str], str], room: int) -> tuple[str, float]:
    """The answer, and the share of the text that was left out; `room` is how many characters of it a prompt may hold."""
    passages = passages_of(text)
    index = bm25s.BM25()
    index.index(bm25s.tokenize(passages, show_progress=False), show_progress=False)
    many = max(min(room // PASSAGE, len(passages)), 1)
    ranked, _ = index.retrieve(bm25s.tokenize(question, show_progress=False), k=many, show_progress=False)
    shown = "\n[...]\n".join(passages[at] for at in sorted(int(at) for at in ranked[0]))[:room]
    prompt = f"Passages of a text:\n{shown}\n\nQuestion about the text: {question}\n"
    return ask(f"{prompt}Give the answer alone, without a sentence around it.").strip(), max(
        1 - len(shown) / max(len(text), 1), 0.0
    )
