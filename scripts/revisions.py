"""Keep the list of migrations: each revision's SHA-256, so that one that has landed is never edited.

`revisions.py --check` compares and writes nothing; without it, revisions that are not listed yet are added. A revision
whose bytes differ from its line is refused either way: what it has done to databases out there cannot be taken back.
"""

import hashlib
import sys
from pathlib import Path

ALEMBIC = Path(__file__).resolve().parents[1] / "alembic"
LIST = ALEMBIC / "revisions.sha256"


def main() -> int:
    listed, found = read_list(), digests()
    edited = [name for name, digest in listed.items() if found.get(name) != digest]
    for name in edited:
        print(f"{name}: edited or removed since it was listed; restore it and write a new revision")
    missing = sorted(set(found) - set(listed))
    if "--check" in sys.argv[1:]:
        for name in missing:
            print(f"{name}: not listed yet; run `make revisions`")
        return 1 if edited or missing else 0
    if not edited:
        LIST.write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(found.items())), encoding="utf-8")
    return 1 if edited else 0


def read_list() -> dict[str, str]:
    """File name -> SHA-256 of each revision that must not change."""
    lines = LIST.read_text(encoding="utf-8").splitlines() if LIST.exists() else []
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def digests() -> dict[str, str]:
    """File name -> SHA-256 of each revision that is here."""
    files = sorted((ALEMBIC / "versions").glob("*.py"))
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


if __name__ == "__main__":
    sys.exit(main())
