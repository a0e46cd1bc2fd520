"""Root-mean-square norm made of plain operators (Zhang and Sennrich, 2019)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Norm(nn.Module):
    """x / sqrt(mean(x²) + eps) * weight over the last axis; exports without a fused norm node."""

    def __init__(self, width: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return x / torch.sqrt((x * x).mean(dim=-1, keepdim=True) + self.eps) * self.weight
