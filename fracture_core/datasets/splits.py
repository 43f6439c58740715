"""How films are divided: over groups (see ``audit.film_groups``), never over single films."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fracture_core.datasets.cases import DataSet
from fracture_core.errors import DataSetError, UnknownName


def grouped_split(
    groups: Sequence[int] | np.ndarray,
    strata: Sequence[str],
    *,
    shares: Mapping[str, float],
    seed: int,
) -> np.ndarray:
    """Divide films so that no group crosses a split and every stratum is shared out alike.

    Groups go, largest first (ties shuffled by ``seed``), to the split that lacks most of what the group
    brings, measured stratum by stratum against its share.

    Args:
        groups: (N,) group of each film.
        strata: (N,) what to balance, such as ``"fractured/hand"``.
        shares: split name → share of the films; the shares add up to 1.

    Returns:
        (N,) array of split names.
    """
    assert abs(sum(shares.values()) - 1) < 1e-9, "shares must add up to 1"
    group_ids, member = np.unique(np.asarray(groups), return_inverse=True)
    kinds, kind = np.unique(np.asarray(strata), return_inverse=True)
    content = np.zeros((len(group_ids), len(kinds)))
    np.add.at(content, (member, kind), 1)

    names, share = list(shares), np.array(list(shares.values()))
    wanted = share[:, None] * content.sum(axis=0)
    lacking = wanted.copy()
    order = np.random.default_rng(seed).permutation(len(group_ids))
    order = order[np.argsort(-content.sum(axis=1)[order], kind="stable")]
    chosen = np.zeros(len(group_ids), dtype=int)
    for group in order:
        # relative lack, so that small splits and rare strata count as much as large ones
        need = (lacking / np.maximum(wanted, 1)) @ (content[group] / np.maximum(content.sum(axis=0), 1))
        chosen[group] = int(np.argmax(need))
        lacking[chosen[group]] -= content[group]
    split = np.array(names)[chosen][member]
    assert_no_group_crosses(groups, split)
    return split


def assert_no_group_crosses(groups: Sequence[int] | np.ndarray, split: Sequence[str] | np.ndarray) -> None:
    """Fail loudly when one group lies in two splits: a leak is our mistake, not the user's."""
    home: dict[int, str] = {}
    for group, name in zip(groups, split, strict=True):
        assert home.setdefault(int(group), str(name)) == str(name), f"group {group} crosses a split"


CLEAN, FOLDS = "clean", "folds"
TRAIN, VAL, TEST = "train", "val", "test"
LETTERS = {TRAIN: "t", VAL: "v", TEST: "x", "": "-"}


@dataclass(frozen=True, eq=False)
class Division:
    """How one run divides a data set's films.

    Attributes:
        kind: "grouped", "clean", "folds" or "published".
        rule: the same in words.
        split: (N,) "train", "val", "test" or "" (left out), one for each case.
        groups: int64 (N,) films that belong together.
        seed, fold, folds: how it was drawn; fold and folds None unless in folds.
        part, parts: in a rotation, which of how many parts of the films that are not tested is the validation; None
            elsewhere. ``part`` is None for the committee as a whole: there every film is "val" that one network was
            not trained on, and that network answers it.
        trained: int64, the films that the run learns from: of a committee, any of its networks.
        crossing: split name → share of its films that have a relative among those; 0 unless published so. A
            committee's "val" is answered by a network that saw neither it nor a relative.
    """

    kind: str
    rule: str
    split: np.ndarray
    groups: np.ndarray
    seed: int = 0
    fold: int | None = None
    folds: int | None = None
    part: int | None = None
    parts: int | None = None

    def indices(self, name: str) -> np.ndarray:
        """Where in the data set the films of a split are, int64."""
        return np.flatnonzero(self.split == name)

    @property
    def trained(self) -> np.ndarray:
        rotates = self.parts is not None and self.part is None
        return np.flatnonzero(np.isin(self.split, (TRAIN, VAL) if rotates else (TRAIN,)))

    @property
    def crossing(self) -> dict[str, float]:
        learnt = {VAL: self.indices(TRAIN), TEST: self.trained}
        return {
            name: float(np.isin(self.groups[self.indices(name)], self.groups[films]).mean())
            for name, films in learnt.items()
        }

    @property
    def letters(self) -> str:
        """One letter per case: t(rain), v(al), x (test), - (left out)."""
        return "".join(LETTERS[str(name)] for name in self.split)


def divide(
    data: DataSet,
    groups: np.ndarray,
    *,
    kind: str,
    shares: Mapping[str, float],
    seed: int = 0,
    fold: int = 0,
    folds: int = 5,
) -> Division:
    """Divide a data set in one of four ways, stratified by label and region.

    "grouped" shares out whole groups; "clean" does so with one film of each different file, so that equal files
    neither weigh in training nor swell the test (turned copies are different files: they stay, all on one side);
    "folds" makes fold ``fold`` the test and the next one the validation;
    "published" takes the publisher's division, whatever crosses it.

    Raises:
        UnknownName: there is no such kind.
        DataSetError: the data set has no published division, or too few groups for the folds, or so few that no
            training, validation or test film is left.
    """
    kinds = ("grouped", CLEAN, FOLDS, "published")
    if kind not in kinds:
        raise UnknownName("split", kind, kinds)
    strata = _strata(data)
    if kind == "published":
        split = np.array([case.split or "" for case in data.cases])
        if not all((split == name).any() for name in (TRAIN, VAL, TEST)):
            raise DataSetError(
                f"The data set '{data.name}' is not published in training, validation and test films. "
                "Choose --split grouped."
            )
        return Division(kind, "as published; copies may cross it", split, groups, seed)
    if kind == FOLDS:
        if not 0 <= fold < folds:
            raise DataSetError(f"There is no fold {fold} of {folds}: count from 0 to {folds - 1}.")
        if len(np.unique(groups)) < folds or folds < 3:
            raise DataSetError(f"{len(np.unique(groups))} groups do not make {folds} folds of at least three.")
        equal = {str(number): 1 / folds for number in range(folds)}
        member = grouped_split(groups, strata, shares=equal, seed=seed).astype(int)
        split = np.where(member == fold, TEST, np.where(member == (fold + 1) % folds, VAL, TRAIN))
        rule = f"fold {fold} of {folds} over groups, stratified by label and region, seed {seed}"
        return _with_all_parts(Division(kind, rule, split, groups, seed, fold, folds), data)
    if kind == CLEAN:
        kept = distinct(data)
        split = np.full(len(data.cases), "", dtype="<U5")
        split[kept] = grouped_split(groups[kept], [strata[index] for index in kept], shares=shares, seed=seed)
        rule = f"grouped, one film of each different file, stratified by label and region, seed {seed}"
        return _with_all_parts(Division(kind, rule, split, groups, seed), data)
    split = grouped_split(groups, strata, shares=shares, seed=seed)
    rule = f"grouped (patients, near duplicates, neighbouring films), stratified by label and region, seed {seed}"
    return _with_all_parts(Division(kind, rule, split, groups, seed), data)


def _with_all_parts(division: Division, data: DataSet) -> Division:
    """The division, unless a part of it is empty: that would be noticed after the training only."""
    words = {TRAIN: "training", VAL: "validation", TEST: "test"}
    empty = [word for name, word in words.items() if not len(division.indices(name))]
    if empty:
        groups = len(np.unique(division.groups[division.split != ""]))
        evenly = groups >= 3 and division.folds is None and division.parts is None
        raise DataSetError(
            f"The films of '{data.name}' fall into groups that stay together (a patient's, near duplicates), "
            f"{groups} in all. That leaves none for {' and '.join(empty)}. Add films of more patients"
            f"{', or try --folds 3, which shares them out evenly' if evenly else ''}."
        )
    return division


def rotated(division: Division, data: DataSet, *, parts: int, members: int) -> tuple[Division, list[Division]]:
    """The test films stay; all others are divided over groups in ``parts``, a member's validation being one of them.

    Returns:
        the division of a committee of ``members`` networks, and that of each.

    Raises:
        DataSetError: too few groups, so that a member has no validation films.
    """
    assert members <= parts
    rest = np.flatnonzero(np.isin(division.split, (TRAIN, VAL)))
    strata = np.array(_strata(data))[rest]
    equal = {str(number): 1 / parts for number in range(parts)}
    member = grouped_split(division.groups[rest], strata.tolist(), shares=equal, seed=division.seed).astype(int)
    rotations = []
    for number in range(members):
        split = division.split.copy()
        split[rest] = np.where(member == number, VAL, TRAIN)
        rule = f"{division.rule}; of the films that are not tested, part {number} of {parts} is the validation"
        rotation = replace(division, split=split, rule=rule, part=number, parts=parts)
        rotations.append(_with_all_parts(rotation, data))
    split = division.split.copy()
    split[rest] = np.where(member < members, VAL, TRAIN)
    rule = (
        f"{division.rule}; the films that are not tested in {parts} parts: {members} networks, each trained on all "
        "parts but one and validated on that"
    )
    return replace(division, split=split, rule=rule, parts=parts), rotations


def _strata(data: DataSet) -> list[str]:
    """What every division balances, of each case."""
    return [f"{case.label}/{case.region}" for case in data.cases]


def distinct(data: DataSet) -> np.ndarray:
    """Indices of the first film of each different file, by its bytes: int64, ascending."""
    seen: dict[str, int] = {}
    for index, case in enumerate(data.cases):
        seen.setdefault(hashlib.sha256(case.path.read_bytes()).hexdigest(), index)
    return np.array(sorted(seen.values()), dtype=np.int64)
