"""Whether files were made of what they would be made of now."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Stamp:
    """A file that holds the digest of what others were made of."""

    path: Path
    digest: str

    def holds(self, products: Iterable[Path]) -> bool:
        """Whether the products are there and were made of this."""
        made_of = self.path.read_text() if self.path.is_file() else ""
        return made_of == self.digest and all(product.is_file() for product in products)

    def write(self) -> None:
        """To be called when the products are whole."""
        self.path.write_text(self.digest)


def digest(files: Iterable[Path]) -> str:
    """Of the bytes of files, in that order."""
    whole = hashlib.sha256()
    for file in files:
        whole.update(hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()


def sources(*folders: str) -> list[Path]:
    """The modules of these folders of the package."""
    return sorted(path for folder in folders for path in (PACKAGE / folder).glob("*.py"))
