"""docs/results.md, made from the results."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .bars import Bar, bars
from .collected import DataSet
from .statistics import LEVEL, Difference
from .variants import CEILING, ORACLE, Kind

CLICK: tuple[tuple[str, str], ...] = (
    ("auc", "AUC"),
    ("gauc", "GAUC"),
    ("ndcg_at_10", "NDCG@10"),
    ("recall_at_10", "R@10"),
    ("recall_at_50", "R@50"),
    ("log_loss", "log loss"),
    ("ece", "ECE"),
)
SAVE = (CLICK[0], CLICK[1], CLICK[-1])
ABSENT = "–"

INTRODUCTION = f"""# Results

What the full model reaches on held-out candidate lists, and what its baselines and its parts contribute. Written by

```sh
{{command}}
```

Every row is trained by the same loop on the same examples, features and starting embeddings, with the same optimiser,
chosen and calibrated on the same valid lists, and tested on the same test lists. A part that is taken away is not
there: it has no weights and takes no part in the computation.

- **±** is the standard deviation over seeds; a seed draws the training requests as well as the weights.
- **GAUC** is AUC per list, **NDCG@10** counts a save 2 and a click 1, **R@k** is the share of a list's clicked
  items among its k best. Log loss and **ECE** (15 bins) are those of the calibrated probabilities.
- **difference** is AUC per list, row minus full model with its default search: averaged over seeds, then per user, then
  over users, who all count the same. Its interval is a 95% bootstrap over users; p is a Wilcoxon signed-rank test over
  users, corrected by Holm for all rows of the data set. **real** means that p is below {LEVEL} and the interval does
  not hold zero. Users are resampled, trainings are not: ± says how far another training moves a row.
- **{{exact}}** scores with the trained full model and lets its attention read the newest {CEILING:,} events instead of
  those that were found.
"""


def render(
    sets: list[DataSet], command: str, plots: dict[str, list[tuple[str, str]]], quick: bool, notes: str = ""
) -> str:
    """The whole page; `plots` names (title, path) of each data set's figures, `notes` is what people say of them."""
    page = [INTRODUCTION.format(command=command, exact="lookback, exact")]
    if quick:
        page.append(
            "This is a quick run: one seed and little data. It shows that everything works, not who is better.\n"
        )
    if notes:
        page.append(notes)
    for one in sets:
        page.extend(_data_set(one, plots.get(one.name, [])))
    return "\n".join(page).rstrip() + "\n"


def _data_set(one: DataSet, plots: list[tuple[str, str]]) -> Iterable[str]:
    differences = one.differences()
    yield f"## {one.name}{' (simulated platform)' if one.simulated else ''}\n"
    yield _sizes(one) + "\n"
    if reached := bars(one):
        yield f"### What must hold{_suffix(one)}\n"
        yield _bars(reached) + "\n"
    yield f"### All rows{_suffix(one)}\n"
    yield _main(one, differences) + "\n"
    yield f"### By length of history{_suffix(one)}\n"
    yield "GAUC, click. Length is the number of engaged events before the list.\n"
    yield _by_history(one) + "\n"
    if differences:
        yield f"### What each part contributes{_suffix(one)}\n"
        yield _table_of_differences(one, differences, (Kind.ABLATION,)) + "\n"
        yield f"### Against baselines, peers and other searches{_suffix(one)}\n"
        yield _table_of_differences(one, differences, (Kind.FULL, Kind.BASELINE, Kind.PEER)) + "\n"
    if one.stored:
        yield f"### The full model stored otherwise{_suffix(one)}\n"
        yield _stored(one) + "\n"
    if any(line.seeds[0]["truth"] is not None for line in one.lines.values()):
        yield f"### Against the true probabilities{_suffix(one)}\n"
        yield _truth(one) + "\n"
    for title, path in plots:
        yield f"![{title}{_suffix(one)}]({path})\n"
    yield "### What the rows are\n"
    yield "\n".join(f"- **{name}**: {line.row.sentence}" for name, line in one.lines.items()) + "\n"


def _suffix(one: DataSet) -> str:
    return ", simulated platform" if one.simulated else ""


def _sizes(one: DataSet) -> str:
    n = one.counts
    share = n["train_requests"] / n["train_requests_all"]
    text = (
        f"{n['events']:,} events of {n['users']:,} users on {n['items']:,} items"
        f"{' of a simulated platform' if one.simulated else ''}. Each run trains on {n['train_requests']:,} requests "
        f"({share:.0%} of the training period, {n['train_examples']:,} examples); {n['valid_lists']:,} valid lists; "
        f"{n['test_lists']:,} test lists with {n['test_candidates']:,} candidates."
    )
    return text + "".join(f" Left out: {reason}." for reason in one.left_out)


def _main(one: DataSet, differences: dict[str, Difference]) -> str:
    head = ["row", "seeds", *(f"{title}" for _, title in CLICK), *(f"save {title}" for _, title in SAVE), "differs"]
    body = []
    for name, line in one.compared.items():
        cells = [_title(one, name), str(len(line.seeds))]
        cells += [_spread(line.values("overall", "click", key)) for key, _ in CLICK]
        cells += [_spread(line.values("overall", "save", key)) for key, _ in SAVE]
        body.append([*cells, _verdict(one, name, differences)])
    return _table(head, body)


def _verdict(one: DataSet, name: str, differences: dict[str, Difference]) -> str:
    if name == one.default:
        return "reference"
    if name not in differences:
        return ABSENT
    found = differences[name]
    return ("better" if found.mean > 0 else "worse") if found.is_real else "not shown"


def _by_history(one: DataSet) -> str:
    groups = one.groups()
    head = ["row", *(f"{name} ({count:,} lists)" for name, count in groups.items())]
    return _table(
        head,
        [
            [_title(one, name), *(_spread(line.values("by_history", group, "click", "gauc")) for group in groups)]
            for name, line in one.compared.items()
            if "by_history" in line.seeds[0]
        ],
    )


def _table_of_differences(one: DataSet, differences: dict[str, Difference], kinds: tuple[Kind, ...]) -> str:
    chosen = {name: found for name, found in differences.items() if one.lines[name].variant.kind in kinds}
    head = ["row", "GAUC", f"difference to {one.default}", "95% interval", "p (Holm)", "users", "real"]
    return _table(
        head,
        [
            [
                name,
                _spread(one.lines[name].values("overall", "click", "gauc")),
                f"{found.mean:+.4f}",
                f"{found.low:+.4f} to {found.high:+.4f}",
                f"{found.p:.4f}" if found.p >= 0.0001 else "under 0.0001",
                f"{found.users:,}",
                "yes" if found.is_real else "no",
            ]
            for name, found in sorted(chosen.items(), key=lambda pair: pair[1].mean)
        ],
    )


def _bars(reached: list[Bar]) -> str:
    head = ["asked", "figure", "to reach", "met"]
    return _table(
        head, [[bar.asked, _spread(bar.figure, 5), bar.threshold, "yes" if bar.met else "**no**"] for bar in reached]
    )


def _stored(one: DataSet) -> str:
    """The same trained weights; so the differences are paired by seed, and small ones mean something."""
    reference = one.lines[one.default or ""].values("overall", "click", "auc")
    head = ["row", "AUC", f"less {one.default}", "GAUC", "log loss"]
    body = []
    for name, line in one.stored.items():
        auc, gauc, loss = (line.values("overall", "click", key) for key in ("auc", "gauc", "log_loss"))
        gap = auc - reference
        body.append(
            [
                name,
                _spread(auc),
                f"{gap.mean():+.5f} ({gap.min():+.5f} to {gap.max():+.5f})",
                _spread(gauc),
                _spread(loss),
            ]
        )
    return _table(head, body)


def _truth(one: DataSet) -> str:
    known = {name: line for name, line in one.compared.items() if line.seeds[0]["truth"] is not None}
    some = next(iter(known.values())).seeds[0]["truth"]
    head = ["row", "click, true AUC", "save, true AUC", "click AUC", "click GAUC", "save AUC", "save GAUC"]
    columns = [(task, "expected_auc") for task in ("click", "save")]
    columns += [(task, key) for task in ("click", "save") for key in ("auc", "gauc")]
    body = [
        [_title(one, name), *(_spread(line.values("truth", task, key)) for task, key in columns)]
        for name, line in known.items()
    ]
    return (
        f"Over the {some['candidates']:,} of {some['of']:,} candidates whose true probabilities are known. The true "
        "AUC counts each candidate p as positive and 1 − p as negative, p without the influence of position; the other "
        f"columns are measured on the logged labels of the same candidates. **{ORACLE}** scores by p itself.\n\n"
        + _table(head, body)
    )


def _title(one: DataSet, name: str) -> str:
    return f"**{name}**" if name == one.default else name


def _spread(values: np.ndarray, digits: int = 4) -> str:
    """Mean, and ± the standard deviation where there are several seeds."""
    if np.isnan(values).any():
        return ABSENT
    mean = f"{values.mean():.{digits}f}"
    return f"{mean} ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 else mean


def _table(head: list[str], body: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
