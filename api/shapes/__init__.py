"""What the REST API answers and takes, and what `--json` of the command line prints: one place per noun.

No module here imports FastAPI: the command line loads these shapes too, and starts quickly.
"""
