"""The engine: a run as a state machine over blocks, calls and events. Knows nothing of IPython or of views."""
