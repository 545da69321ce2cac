"""The model is asked once, with the text in its prompt; of a text that does not fit, the middle is left out."""

from collections.abc import Callable


def answer(question: str, text: str, ask: Callable[[str], str], room: int) -> tuple[str, float]:
    """The answer, and the share of the text that was left out; `room` is how many characters of it a prompt may hold."""
    left_out = max(len(text) - room, 0)
    shown = text
    if left_out:
        head, tail = text[: room - room // 2], text[len(text) - room // 2 :]
        shown = f"{head}\n[{left_out:,} characters are left out here]\n{tail}"
    prompt = f"{shown}\n\nQuestion about the text above: {question}\nGive the answer alone, without a sentence around it."
    return ask(prompt).strip(), left_out / max(len(text), 1)
