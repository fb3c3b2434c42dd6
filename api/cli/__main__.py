"""`python -m api.cli`: the same as `regulars`."""

from api.cli import main

main()
