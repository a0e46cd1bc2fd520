"""The configuration file: typed, with defaults in configs/default.toml, refusing names it does not know."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ..errors import MendableError
from ..schema import GSU_NAMES
from .calibration import METHODS

DEFAULTS = Path(__file__).resolve().parents[2] / "configs" / "default.toml"


class ConfigError(MendableError):
    """A configuration that names something unknown or of the wrong type."""


@dataclass(frozen=True)
class Model:
    width: int
    attention_width: int
    heads: int
    skip_width: int
    skip_heads: int
    recent_hidden: int
    field_width: int
    category_width: int
    cross_layers: int
    cross_rank: int
    cross_experts: int
    hidden: tuple[int, ...]
    dropout: float


@dataclass(frozen=True)
class Embedding:
    dim: int
    half_life_days: float
    shrink: float
    norm: float


@dataclass(frozen=True)
class Training:
    epochs: int
    candidates: int
    searched_events: int
    learning_rate: float
    embedding_learning_rate: float
    offset_learning_rate: float
    weight_decay: float
    warmup: float
    hard_share: float
    soft_share: float
    consistent_share: float
    default_gsu: str
    calibration: str
    save_weight: float
    unknown_share: float
    patience: int
    checkpoint_batches: int


@dataclass(frozen=True)
class Vocabulary:
    min_users: int
    max_values: int


@dataclass(frozen=True)
class Popularity:
    prior: float
    min_examples: int


@dataclass(frozen=True)
class Config:
    model: Model
    embedding: Embedding
    training: Training
    vocabulary: Vocabulary
    popularity: Popularity

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


SECTIONS: dict[str, type] = {
    "model": Model,
    "embedding": Embedding,
    "training": Training,
    "vocabulary": Vocabulary,
    "popularity": Popularity,
}


def load(path: Path | None) -> Config:
    """Defaults overlaid with the file at `path`; raises `ConfigError` naming the setting that is wrong."""
    merged = tomllib.loads(DEFAULTS.read_text())
    if path is not None:
        try:
            own = tomllib.loads(path.read_text())
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{path} is not TOML: {error}; compare it with configs/default.toml") from error
        for section, values in own.items():
            if section not in SECTIONS or not isinstance(values, dict):
                raise ConfigError(f"{path}: no section [{section}]; there are {', '.join(SECTIONS)}")
            merged[section] |= values
    config = Config(**{name: _section(kind, name, merged[name]) for name, kind in SECTIONS.items()})
    _check_choices(config.training)
    return config


def _check_choices(training: Training) -> None:
    if training.default_gsu not in GSU_NAMES:
        raise ConfigError(f"[training] default_gsu = {training.default_gsu!r}: expected one of {', '.join(GSU_NAMES)}")
    if training.calibration not in METHODS:
        raise ConfigError(f"[training] calibration = {training.calibration!r}: expected one of {', '.join(METHODS)}")
    total = training.hard_share + training.soft_share + training.consistent_share
    if abs(total - 1.0) > 1e-6:
        raise ConfigError(f"[training] hard_share, soft_share and consistent_share sum to {total}, expected 1")


def _section(kind: type, name: str, values: dict[str, Any]) -> Any:
    known = {field.name: field.type for field in fields(kind)}
    for key, value in values.items():
        if key not in known:
            raise ConfigError(f"[{name}] has no setting `{key}`; there are {', '.join(known)}")
        wanted = known[key]
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        right = {
            "int": number and not isinstance(value, float) and value >= 0,
            "float": number and value >= 0,
            "str": isinstance(value, str),
            "tuple[int, ...]": isinstance(value, list) and value and all(type(v) is int and v > 0 for v in value),
        }[str(wanted)]
        if not right:
            raise ConfigError(f"[{name}] {key} = {value!r}: expected {wanted}, not negative")
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})
