from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from pathlib import Path

import made_up
import pytest
import torch

from lookback_training.model.ranker import Ranker, Shape
from lookback_training.train import config

torch.set_num_threads(1)
SMALL = Path(__file__).parent / "small.toml"


@pytest.fixture(scope="session")
def small() -> config.Config:
    return config.load(SMALL)


@pytest.fixture(scope="session", params=["bare", "rich"])
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up log that lacks everything optional, and one that has everything."""
    return made_up.write(tmp_path_factory.mktemp(request.param) / "data", rich=request.param == "rich")


@pytest.fixture(scope="session")
def ranker() -> Ranker:
    """A ranker of odd sizes with random weights everywhere, time biases included."""
    torch.manual_seed(5)
    shape = Shape(12, 3, 5, 2, (3, 4), 16, 24, heads=2, skip_width=8, recent_hidden=24, cross_rank=0, hidden=(20, 10))
    made = Ranker(shape)
    with torch.no_grad():
        for weight in made.parameters():
            weight += 0.1 * torch.randn_like(weight)
    return made.eval()
