"""What the words of this field mean, in the one spelling that the library uses. Reads nothing; may be used from any thread."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A word and what it means, in one or two sentences."""

    word: str
    meaning: str


def _terms(*pairs: tuple[str, str]) -> tuple[Term, ...]:
    return tuple(Term(word=word, meaning=meaning) for word, meaning in pairs)


# The method and its words: Zhang, Kraska and Khattab, Recursive Language Models, arXiv 2512.24601.
GLOSSARY = _terms(
    (
        "recursive language model",
        "A way to ask a language model about an input of any length. The input is a variable of a Python session; the model writes "
        "code that looks at pieces of it, and may ask models, itself among them, about those pieces.",
    ),
    ("root model", "The model that is asked the question. It reads sizes, previews and outputs, never the whole data."),
    ("sub-model", "The model that answers the calls. It sees the prompt of its call, and nothing else."),
    ("context", "The data that a question is about. It stays in variables; it is not part of the prompt."),
    ("window", "How much text a model can read at once, counted in tokens. What does not fit cannot be read."),
    ("context rot", "Answers become worse as a prompt becomes longer, also where it still fits the window."),
    ("token", "The unit in which models read, write and are paid: about four characters of English."),
    ("prompt", "The text that a model is given. The root model’s grows by its own replies and by what its code showed."),
    ("REPL", "A Python session that takes code, runs it, shows what came of it, and keeps its variables. Here it is the notebook."),
    ("run", "One question, from its start to its answer."),
    ("child run", "A run that is started inside another, with a part of the data and a question of its own."),
    ("step", "One round of a run: a reply of the root model, its blocks of code, and what they showed."),
    ("reply", "What the root model writes in a step: its thoughts, and code."),
    ("block", "One piece of code in a reply. It runs in the session, and its variables stay."),
    (
        "output",
        "What a block showed: printed text, a value, a figure. A long one is cut before the model reads it.",
    ),
    ("call", "One question to a sub-model, made by code with llm_query."),
    ("batch", "Calls that are made together and answered side by side, with llm_query_batched."),
    ("answer", "What a run ends with. The model gives it by FINAL(value), or by the name of a variable."),
    ("trajectory", "All that happened in a run: its steps, blocks, outputs, calls and child runs, in their order."),
    ("event", "One line of a run’s log. What is known of a run is what its events add up to."),
    ("gate", "A place where a run may pause: before a block, a call or the answer, at a line, at an error."),
    ("breakpoint", "A condition that closes a gate, such as calls > 50."),
    ("ledger", "What a whole tree of runs has spent: calls, tokens, money, seconds."),
    ("budget", "The limits of the ledger. They are held before a request is sent."),
    ("cassette", "Recorded replies of models. A run can be played from them without any model."),
    ("fork", "A new run that shares the first steps of another and goes on by itself."),
    ("recipe", "A program made from what several runs did in common."),
)
