"""The sizes of a comparison: configs/bench.toml, typed."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ..train.config import ConfigError
from .variants import VARIANTS, Variant, named

FILE = Path(__file__).resolve().parents[2] / "configs" / "bench.toml"


@dataclass(frozen=True)
class Sizes:
    """How much is trained and tested; what each means is said in configs/bench.toml."""

    requests: int
    epochs: int
    seeds: int
    valid_lists: int
    test_lists: int
    variants: tuple[str, ...] = ()

    def of_run(self) -> dict[str, int]:
        """The sizes that a single run's result depends on."""
        return {name: value for name, value in asdict(self).items() if isinstance(value, int) and name != "seeds"}

    def chosen(self) -> list[Variant]:
        return [variant for variant in VARIANTS if not self.variants or variant.name in self.variants]

    def seeds_for(self, variant: Variant) -> int:
        return self.seeds if variant.seeded else 1


def load(data: str, quick: bool, path: Path = FILE) -> Sizes:
    """Sizes for the data directory named `data`; raises `ConfigError` naming what is wrong."""
    read = tomllib.loads(path.read_text())
    unknown = sorted(set(read) - {"default", "quick", "data"})
    if unknown:
        raise ConfigError(f"{path}: no section [{unknown[0]}]; there are default, quick and data.NAME")
    merged = read["default"] | read.get("data", {}).get(data, {}) | (read["quick"] if quick else {})
    return _checked(path, merged)


def _checked(path: Path, values: dict[str, Any]) -> Sizes:
    names = [one.name for one in fields(Sizes)]
    for name, value in values.items():
        if name not in names:
            raise ConfigError(f"{path} has no setting `{name}`; there are {', '.join(names)}")
        right = list if name == "variants" else int
        if type(value) is not right or (right is int and value < (1 if name in ("epochs", "seeds") else 0)):
            raise ConfigError(f"{path}: {name} = {value!r}, expected {right.__name__}, not negative, no empty training")
    for name in values.get("variants", []):
        named(name)
    return Sizes(**{**values, "variants": tuple(values.get("variants", []))})
