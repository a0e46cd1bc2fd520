"""The training loop: epochs over requests, selection on the valid split, checkpoints that resume exactly."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from ..data.batch import Batch, Batcher
from ..data.search import Search
from ..evaluation.metrics import gauc
from ..schema import Gsu, K
from . import checkpoint
from .checkpoint import CHECKPOINT, CheckpointError, Progress
from .config import Training
from .distributed import ALONE, Processes, moved
from .observe import NOWHERE, Board
from .sharded import ShardedEmbedding
from .trainee import Trainee

__all__ = ["CHECKPOINT", "CheckpointError", "Progress", "batches", "learning_rate_share", "optimiser", "score", "train"]

OFFSETS = (".age_bias", ".action_bias", "position.offset.weight")
"""Weights that are logits themselves; at the rate of the others, whose products are, they would hardly move."""
SMOOTHED = 50
"""Batches that the loss shown beside the bar is averaged over."""
LONGEST = 5.0
"""Length to which longer gradients are cut."""


def optimiser(trainee: Trainee, config: Training) -> torch.optim.Optimizer:
    """AdamW; item embeddings and what adds to logits as it is at rates of their own; no decay on biases and norms."""
    decayed, plain, offsets = [], [], []
    for name, weight in [*trainee.ranker.named_parameters(prefix="ranker"), *_position(trainee)]:
        (offsets if name.endswith(OFFSETS) else decayed if weight.dim() > 1 else plain).append(weight)
    groups: list[dict[str, Any]] = [
        {"params": decayed, "lr": config.learning_rate, "weight_decay": config.weight_decay},
        {"params": plain, "lr": config.learning_rate, "weight_decay": 0.0},
        {"params": offsets, "lr": config.offset_learning_rate, "weight_decay": 0.0},
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


def search(
    trainee: Trainee, gsu: Gsu, device: torch.device, batcher: Batcher, chosen: np.ndarray, searched: int = 0
) -> Search:
    """The search as the weights are now, on the CPU: that is where batches are built.

    It serves all requests, but with a divided item table the requests `chosen` alone, whose vectors are fetched;
    `searched` as for `Batcher.build`.
    """
    divided = isinstance(trainee.embedding, ShardedEmbedding)
    if device.type == "cpu" and not divided:
        return trainee.search(gsu)
    ranker = trainee.ranker if device.type == "cpu" else copy.deepcopy(trainee.ranker).cpu()
    if divided:
        return trainee.searching(gsu, trainee.embedding.fetch(batcher.items(chosen, searched)), ranker)
    return trainee.searching(gsu, trainee.embedding.shipped().cpu(), ranker)


def score(
    trainee: Trainee, batcher: Batcher, gsu: Gsu, size: int = 4096, quiet: bool = True, processes: Processes = ALONE
) -> np.ndarray:
    """Logits [C,2] of all candidates of a split, in order; every process scores a part and gets the whole."""
    trainee.eval()
    order = np.arange(len(batcher.requests))
    found = search(trainee, gsu, processes.device, batcher, order[:0])
    # A candidate that attends to more events takes more memory: fewer at a time.
    size = size * K // max(K, found.slots)
    every = batches(batcher, size, order)
    mine = processes.share(every)
    # A divided table answers only when all processes ask: one with fewer batches scores the first once more.
    more = every[:1] if trainee.holders.size > 1 and len(mine) * processes.size < len(every) else []
    parts = []
    for chosen in tqdm([*mine, *more], desc="score", disable=quiet or not processes.main, leave=False):
        if trainee.holders.size > 1:
            found = search(trainee, gsu, processes.device, batcher, chosen)
        batch = moved(batcher.build(chosen, found), processes.device)
        with torch.no_grad(), processes.device:
            parts.append(trainee(batch).cpu().numpy())
    return np.concatenate(processes.gather(parts[: len(mine)]))


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
    processes: Processes = ALONE,
    board: Board = NOWHERE,
) -> Progress:
    """Train and leave the best epoch's weights in `trainee`, which moves to the process's device.

    Order and searches of an epoch are drawn from a generator seeded by (seed, epoch), dropout from (seed, epoch,
    batch, rank): a run resumed from its checkpoint repeats the uninterrupted one. `fingerprint` names data and
    settings: a checkpoint of others is refused. `stop_after` ends the run early after that many epochs, as an
    interruption would.

    Several processes divide each batch by requests and average gradients over its candidates, so that, but for
    dropout and for rounding, they train what one would. All must see the folder `output`. Processes that torchrun
    started again go on from the checkpoint there.
    """
    trainee.to(processes.device)
    rule = optimiser(trainee, config)
    base = [group["lr"] for group in rule.param_groups]
    path = output / CHECKPOINT
    progress = Progress()
    if resume or (processes.restarts and path.is_file()):
        progress = checkpoint.load(path, trainee, rule, fingerprint)
        if processes.main:
            tqdm.write(f"going on after {progress.epoch} epochs and {progress.batch} batches")
    elif processes.main:
        # A restart must not go on from what an earlier run left.
        path.unlink(missing_ok=True)
    processes.wait()

    def save() -> None:
        if processes.main:
            board.flush()
        if processes.main or trainee.holders.size > 1:
            checkpoint.save(path, trainee, rule, progress, fingerprint)

    own = ["embedding.weight"] if trainee.holders.size > 1 else []
    joined = processes.joined(trainee, own)
    run = Run(trainee, joined, batcher, config, seed, rule, base, progress, processes, board, save)
    board.begin(progress.step + 1)
    label = valid.requests.label[:, 0]
    for epoch in range(progress.epoch, config.epochs):
        if progress.best_epoch >= 0 and epoch - progress.best_epoch > config.patience:
            break
        loss = train_epoch(run, epoch)
        logit = score(trainee, valid, Gsu.named(config.default_gsu), processes=processes)
        value = gauc(label, logit[:, 0], valid.requests.first)
        progress.history.append({"epoch": epoch + 1, "loss": loss, "valid_gauc": value})
        # A valid split of one class has no GAUC; the newest epoch then counts as the best.
        if np.isnan(value) or value > progress.best_gauc:
            progress.best_gauc, progress.best_epoch = value, epoch
            progress.best = copy.deepcopy(trainee.state_dict())
        progress.epoch, progress.batch, progress.losses = epoch + 1, 0, []
        board.epoch(progress.step, loss, valid.requests, logit)
        if processes.main:
            tqdm.write(f"epoch {epoch + 1}/{config.epochs}: loss {loss:.4f}, valid click GAUC {value:.4f}")
        save()
        if stop_after is not None and progress.epoch >= stop_after:
            break
    if progress.best:
        trainee.load_state_dict(progress.best)
    trainee.eval()
    return progress


@dataclass(frozen=True)
class Run:
    """What a training run works with. `joined` is the trainee whose backward pass averages over the processes."""

    trainee: Trainee
    joined: nn.Module
    batcher: Batcher
    config: Training
    seed: int
    rule: torch.optim.Optimizer
    base: list[float]
    progress: Progress
    processes: Processes
    board: Board
    save: Callable[[], None]


def train_epoch(run: Run, epoch: int) -> float:
    """One pass over the training requests, from the batch where `run.progress` stands; returns the mean loss."""
    config, progress, processes = run.config, run.progress, run.processes
    run.trainee.train()
    generator = np.random.default_rng([run.seed, epoch])
    chunks = batches(run.batcher, config.candidates, generator.permutation(len(run.batcher.requests)))
    shares = [config.hard_share, config.soft_share, config.consistent_share]
    searches = generator.choice(len(Gsu), size=len(chunks), p=shares)
    bar = tqdm(
        range(progress.batch, len(chunks)),
        desc=f"epoch {epoch + 1}/{config.epochs}",
        unit="batch",
        leave=False,
        initial=progress.batch,
        total=len(chunks),
        disable=not processes.main,
    )
    for i in bar:
        began = time.monotonic()
        share = learning_rate_share(epoch * len(chunks) + i, config.epochs * len(chunks), config.warmup)
        for group, rate in zip(run.rule.param_groups, run.base, strict=True):
            group["lr"] = rate * share
        processes.seed(run.seed, epoch, i)
        progress.losses.append(train_batch(run, chunks[i], Gsu(searches[i])))
        progress.batch, progress.step = i + 1, progress.step + 1
        smoothed = float(np.mean(progress.losses[-SMOOTHED:]))
        bar.set_postfix(loss=f"{smoothed:.4f}")
        speed = candidates(run.batcher, chunks[i]) / (time.monotonic() - began)
        run.board.batch(progress.step, progress.losses[-1], smoothed, run.rule.param_groups[0]["lr"], speed)
        if config.checkpoint_batches and progress.batch % config.checkpoint_batches == 0:
            run.save()
    return float(np.mean(progress.losses))


def train_batch(run: Run, chosen: np.ndarray, gsu: Gsu) -> float:
    """One step on the requests `chosen`, of which this process computes its share; returns the mean loss of all."""
    processes = run.processes
    mine = chosen[processes.rank :: processes.size]
    # A process for which no request is left takes part with one that counts nothing.
    counts = float(len(mine) > 0)
    built, searched = mine if counts else chosen[:1], run.config.searched_events
    found = search(run.trainee, gsu, processes.device, run.batcher, built, searched)
    batch = run.batcher.build(built, found, searched)
    # The ranker makes its constants where the batch is.
    with processes.device:
        each = loss_of(run.joined, moved(batch, processes.device), run.config.save_weight)
        loss = counts * each.sum() / candidates(run.batcher, chosen)
    run.rule.zero_grad(set_to_none=True)
    # Joined processes average their gradients; the loss is a sum over processes.
    (loss * processes.size).backward()
    cut(run.trainee)
    run.rule.step()
    return processes.total(loss.detach())


def cut(trainee: Trainee) -> None:
    """Cut the gradient to the length `LONGEST`, that of the blocks of a divided item table included."""
    weights = [weight for weight in trainee.parameters() if weight.grad is not None]
    block = trainee.embedding.weight
    if trainee.holders.size == 1 or block.grad is None:
        torch.nn.utils.clip_grad_norm_(weights, LONGEST)
        return
    common = torch.nn.utils.get_total_norm([weight.grad for weight in weights if weight is not block])
    squares = trainee.holders.total(block.grad.square().sum())
    torch.nn.utils.clip_grads_with_norm_(weights, LONGEST, (common.square() + squares).sqrt())


def loss_of(module: nn.Module, batch: Batch, save_weight: float) -> Tensor:
    """Loss [C] of each candidate: log loss of the click and, times `save_weight`, of the save."""
    each = F.binary_cross_entropy_with_logits(module(batch), batch.label, reduction="none")
    return (each * torch.tensor([1.0, save_weight])).sum(1)


def candidates(batcher: Batcher, chosen: np.ndarray) -> int:
    """Candidates of the requests `chosen`."""
    first = batcher.requests.first
    return int((first[chosen + 1] - first[chosen]).sum())
