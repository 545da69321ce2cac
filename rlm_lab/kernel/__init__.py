"""The notebook side: the magics, the shell that blocks run in, and `ask`, where everything is put together."""
