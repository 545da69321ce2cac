"""The dashboard: one page for each kernel that shows its runs, live and saved, and takes a person's commands.

A Panel server in a daemon thread of the process, on loopback, behind a secret. It reads events and never writes them; its loss
never touches a run. Nothing is loaded or started before `Dashboard.shared()` is called.
"""
