"""The command `rlm-lab`: asking from a terminal, looking at runs, the embedded model, the doctor, the demo.

Thin: it reads words, calls what notebooks call, and prints. Exit status 0 for success, 1 for a failure, 2 for wrong words or
input, 130 for an interrupt; an error is one line on stderr. Heavy imports wait until a command needs them.
"""

from rlm_lab.cli.main import main

__all__ = ["main"]
