"""The training loop: epochs over requests, selection on the valid split, checkpoints that resume exactly."""

from __future__ import annotations

import copy
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from tqdm import tqdm

from ..data.batch import Batcher
from ..evaluation.metrics import gauc
from .config import Training
from .trainee import Trainee

CHECKPOINT = "checkpoint.pt"


class CheckpointError(ValueError):
    """A checkpoint that does not fit the run."""


@dataclass
class Progress:
    """Where a run stands; `best` holds the weights of the best epoch so far."""

    epoch: int = 0
    best_gauc: float = -1.0
    best_epoch: int = -1
    best: dict[str, torch.Tensor] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)


def optimiser(trainee: Trainee, config: Training) -> torch.optim.Optimizer:
    """AdamW; the item embeddings at their own, smaller rate; no decay on biases, norms and age biases."""
    decayed, plain = [], []
    for name, weight in [*trainee.ranker.named_parameters(prefix="ranker"), *_position(trainee)]:
        (decayed if weight.dim() > 1 and ".age." not in name else plain).append(weight)
    groups: list[dict[str, Any]] = [
        {"params": decayed, "lr": config.learning_rate, "weight_decay": config.weight_decay},
        {"params": plain, "lr": config.learning_rate, "weight_decay": 0.0},
    ]
    if trainee.embedding.weight.requires_grad:
        groups.append({"params": [trainee.embedding.weight], "lr": config.embedding_learning_rate, "weight_decay": 0.0})
    return torch.optim.AdamW(groups)


def _position(trainee: Trainee) -> list[tuple[str, torch.nn.Parameter]]:
    return [] if trainee.position is None else list(trainee.position.named_parameters(prefix="position"))


def batches(batcher: Batcher, size: int, order: np.ndarray) -> list[np.ndarray]:
    """Requests of `order` in batches of at least `size` candidates (the last may be smaller)."""
    counts = np.diff(batcher.requests.first)[order]
    cut = np.cumsum(counts) // size
    ends = np.flatnonzero(np.diff(cut)) + 1
    return [chunk for chunk in np.split(order, ends) if len(chunk)]


def learning_rate_share(step: int, total: int, warmup: float) -> float:
    """Linear warm-up, then a cosine down to 5%."""
    rise = max(1, int(total * warmup))
    if step < rise:
        return (step + 1) / rise
    done = (step - rise) / max(1, total - rise)
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def score(trainee: Trainee, batcher: Batcher, soft: bool, size: int = 4096, quiet: bool = True) -> np.ndarray:
    """Logits [C,2] of all candidates of a split, in order."""
    trainee.eval()
    embedding = trainee.embedding.shipped()
    order = np.arange(len(batcher.requests))
    with torch.no_grad():
        parts = [
            trainee(batcher.build(chosen, embedding, soft)).numpy()
            for chosen in tqdm(batches(batcher, size, order), desc="score", disable=quiet, leave=False)
        ]
    return np.concatenate(parts)


def train(
    trainee: Trainee,
    batcher: Batcher,
    valid: Batcher,
    config: Training,
    seed: int,
    output: Path,
    fingerprint: str,
    resume: bool = False,
    stop_after: int | None = None,
) -> Progress:
    """Train and leave the best epoch's weights in `trainee`.

    Every epoch draws from a generator seeded by (seed, epoch), so a run resumed from its checkpoint repeats the
    uninterrupted one. `fingerprint` names data and settings: a checkpoint of others is refused. `stop_after`
    ends the run early after that many epochs, as an interruption would.
    """
    rule = optimiser(trainee, config)
    base = [group["lr"] for group in rule.param_groups]
    progress = Progress()
    if resume:
        progress = load_checkpoint(output / CHECKPOINT, trainee, rule, fingerprint)
    label = valid.requests.label[:, 0]
    for epoch in range(progress.epoch, config.epochs):
        if progress.best_epoch >= 0 and epoch - progress.best_epoch > config.patience:
            break
        torch.manual_seed(seed * 1_000_003 + epoch)
        generator = np.random.default_rng([seed, epoch])
        loss = train_epoch(trainee, batcher, rule, base, config, epoch, generator)
        value = gauc(label, score(trainee, valid, soft=True)[:, 0], valid.requests.first)
        progress.history.append({"epoch": epoch + 1, "loss": loss, "valid_gauc": value})
        # A valid split of one class has no GAUC; the newest epoch then counts as the best.
        if np.isnan(value) or value > progress.best_gauc:
            progress.best_gauc, progress.best_epoch = value, epoch
            progress.best = copy.deepcopy(trainee.state_dict())
        progress.epoch = epoch + 1
        tqdm.write(f"epoch {epoch + 1}/{config.epochs}: loss {loss:.4f}, valid click GAUC {value:.4f}")
        save_checkpoint(output / CHECKPOINT, trainee, rule, progress, fingerprint)
        if stop_after is not None and progress.epoch >= stop_after:
            break
    if progress.best:
        trainee.load_state_dict(progress.best)
    trainee.eval()
    return progress


def train_epoch(
    trainee: Trainee,
    batcher: Batcher,
    rule: torch.optim.Optimizer,
    base: list[float],
    config: Training,
    epoch: int,
    generator: np.random.Generator,
) -> float:
    """One pass over the training requests; returns the mean loss."""
    trainee.train()
    chunks = batches(batcher, config.candidates, generator.permutation(len(batcher.requests)))
    losses = []
    weight = torch.tensor([1.0, config.save_weight])
    bar = tqdm(chunks, desc=f"epoch {epoch + 1}/{config.epochs}", unit="batch", leave=False)
    for i, chosen in enumerate(bar):
        share = learning_rate_share(epoch * len(chunks) + i, config.epochs * len(chunks), config.warmup)
        for group, rate in zip(rule.param_groups, base, strict=True):
            group["lr"] = rate * share
        soft = generator.random() < config.soft_share
        batch = batcher.build(chosen, trainee.embedding.shipped(), soft)
        each = F.binary_cross_entropy_with_logits(trainee(batch), batch.label, reduction="none")
        loss = (each * weight).sum(1).mean()
        rule.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([w for w in trainee.parameters() if w.grad is not None], 5.0)
        rule.step()
        losses.append(float(loss.detach()))
        bar.set_postfix(loss=f"{np.mean(losses[-50:]):.4f}")
    return float(np.mean(losses))


def save_checkpoint(
    path: Path, trainee: Trainee, rule: torch.optim.Optimizer, progress: Progress, fingerprint: str
) -> None:
    """Write beside, then rename: an interrupted write leaves the old checkpoint whole."""
    beside = path.with_suffix(".partial")
    state = {
        "fingerprint": fingerprint,
        "trainee": trainee.state_dict(),
        "optimiser": rule.state_dict(),
        "progress": vars(progress),
    }
    torch.save(state, beside)
    os.replace(beside, path)


def load_checkpoint(path: Path, trainee: Trainee, rule: torch.optim.Optimizer, fingerprint: str) -> Progress:
    if not path.is_file():
        raise CheckpointError(f"no checkpoint at {path}; start without --resume")
    state = torch.load(path, weights_only=True)
    if state["fingerprint"] != fingerprint:
        raise CheckpointError(f"{path} belongs to other data, settings or seed; start without --resume")
    trainee.load_state_dict(state["trainee"])
    rule.load_state_dict(state["optimiser"])
    return Progress(**state["progress"])
