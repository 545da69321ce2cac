"""A rolling summary: the text is read part by part, and notes are carried from one part to the next."""

from collections.abc import Callable

LONGEST = 2_000  # characters of the notes


def answer(question: str, text: str, ask: Callable[[str], str], room: int) -> tuple[str, float]:
    """The answer, and the share of the text that was left out, which is none; `room` is how many characters a prompt may hold."""
    notes, size = "none yet", max(room - LONGEST, room // 2)
    for start in range(0, len(text), size):
        prompt = f"Notes so far: {notes}\n\nThe next part of the text:\n{text[start : start + size]}\n\nQuestion: {question}\n"
        notes = ask(f"{prompt}Write the notes anew, in at most 150 words: keep what helps to answer the question.")[:LONGEST]
    prompt = f"Notes on a text: {notes}\n\nQuestion about the text: {question}\n"
    return ask(f"{prompt}Give the answer alone, without a sentence around it.").strip(), 0.0
