"""Killing commands, going on, and comparing the end with that of the uninterrupted command."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from penchant.training.checkpoints import SEAL, sound
from reliability.commands import ANYTHING, Calls, Commands, Ended, Fault
from reliability.folders import differences, unfinished
from reliability.subjects import JUDGE, Given, OneFile, Run

__all__ = ["Killer", "empty", "hold", "wrong_words"]

# Another number kills at other random moments.
SEED = os.environ.get("PENCHANT_KILLS_SEED", "0")
# A smaller number gives a quick look.
MOST = int(os.environ.get("PENCHANT_KILLS", "100"))
TIMES_A_FILE = min(MOST, 10)


@dataclass
class Killer:
    """Kills commands.

    Args:
        commands: runs them.
        given: what they read.
        folder: for their folders.
        wholes: the uninterrupted ones so far, by command.
    """

    commands: Commands
    given: Given
    folder: Path
    wholes: dict[object, tuple[Path, Ended]] = field(default_factory=dict)

    def place(self, name: str) -> Path:
        """A new folder to run a command in, always at the same depth."""
        self.folder.mkdir(parents=True, exist_ok=True)
        folder = self.folder / f"{len(list(self.folder.iterdir())):04d}-{name}"
        folder.mkdir()
        (folder / "judging.py").write_text(JUDGE, encoding="utf-8")
        return folder

    def whole(self, words: str, without: tuple[str, ...], former: str | None = None) -> tuple[Path, Ended]:
        """The uninterrupted command: its folder, and how it ended."""
        key = words, without, former
        if key not in self.wholes:
            folder = self.place("whole")
            if former is not None:
                self.put_former(former, without, folder)
            ended = self.commands.run(folder, self.given.words(words), fault=Fault(form=f"{folder}/*"), without=without)
            assert ended.code == 0, ended.said
            self.wholes[key] = folder, ended
        return self.wholes[key]

    def put_former(self, former: str, without: tuple[str, ...], folder: Path) -> None:
        """Put a finished earlier run into a folder."""
        shutil.copytree(self.whole(former, without)[0], folder, dirs_exist_ok=True)

    # -- commands that write a folder ---------------------------------------------------------------------------------

    def kill_run(self, subject: Run) -> Iterator[list[str]]:
        """Kill a command again and again; for each time what is wrong afterwards."""
        subject, without = fewer(subject), tuple(subject.without)
        whole, ended = self.whole(subject.words, without, subject.former)
        chance = random.Random(f"{SEED}: {subject.name}")
        places = [0] * subject.kills if subject.form is None else subject.places(ended.calls)
        for place in places:
            folder = self.place("killed")
            if subject.former is not None:
                self.put_former(subject.former, without, folder)
            words = self.given.words(subject.words)
            self.killed(folder, words, place, ended, chance, without)
            again = [*words, *(word for word in subject.again.split() if word not in words)]
            if subject.resumed:
                self.killed(folder, again, 0, ended, chance, without, sure=False)
            kind, path = ended.calls[place - 1]
            what = f"at call {place} ({kind.name} {path.removeprefix(str(whole))})" if place else "at random"
            yield [f"{what}: {each}" for each in self.go_on(whole, folder, again, without)]
            empty(folder)

    def fail_run(self, subject: Run, error: int, *, lasting: bool) -> Iterator[list[str]]:
        """Fail a call of a command, and with ``lasting`` all later ones; then go on. What is wrong each time."""
        subject, without = fewer(subject), tuple(subject.without)
        whole, ended = self.whole(subject.words, without)
        for place in subject.places(ended.calls):
            folder, (kind, path) = self.place("failed"), ended.calls[place - 1]
            words = self.given.words(subject.words)
            at = sum(bool(each & subject.calls) for each, _ in ended.calls[:place])
            fault = Fault(f"{folder}/*", subject.calls, at=at, error=error, lasting=lasting)
            failed = self.commands.run(folder, words, fault=fault, without=without)
            # A failure that costs nothing, such as that of a deletion, need not end the run.
            wrong = [] if failed.code == 0 else [*wrong_words(failed), *unsound(folder)]
            wrong += self.go_on(whole, folder, [*words, subject.again], without)
            what = f"{os.strerror(error)} at call {place} ({kind.name} {path.removeprefix(str(whole))})"
            yield [f"{what}: {each}" for each in wrong]
            empty(folder)

    def go_on(self, whole: Path, folder: Path, words: list[str], without: tuple[str, ...]) -> list[str]:
        """What is wrong after a run has gone on."""
        finished = self.commands.run(folder, words, without=without)
        if finished.code != 0:
            return [f"going on ended with {finished.code}: {finished.words[-400:]}"]
        return differences(whole, folder)

    def killed(
        self,
        folder: Path,
        words: list[str],
        place: int,
        whole: Ended,
        chance: random.Random,
        without: tuple[str, ...],
        *,
        sure: bool = True,
    ) -> None:
        """Run a command and kill it at a call, or (0) at a random moment; there, and without ``sure``, it may end."""
        if place:
            fault = Fault(form=f"{folder}/*", at=place)
            ended = self.commands.run(folder, words, fault=fault, without=without)
        else:
            seconds = max(0.01, chance.uniform(0.02, 0.8) * whole.processor_seconds * (1.0 if sure else 0.5))
            ended = self.commands.run(folder, words, processor_seconds=seconds, without=without)
            sure = False  # a run may take less time than the uninterrupted one did
        assert ended.killed or (not sure and ended.code == 0), ended.said

    # -- commands that write one file ---------------------------------------------------------------------------------

    def hurt_file(self, subject: OneFile, error: int | None = None, calls: Calls = ANYTHING) -> Iterator[list[str]]:
        """Kill a command again and again, or (``error``) fail its calls of some kinds from one on; then run it again.

        Half of the times an older file is in the way, where the command may replace one.
        """
        whole, ended = self.whole(subject.words, ("pictures",))
        replaces = self.overwriting(subject)
        words = [*self.given.words(subject.words), *replaces]
        changes = sum(bool(kind & calls) for kind, _ in ended.calls)
        assert changes, f"{subject.name} changes no file"
        for number in range(TIMES_A_FILE):
            folder, former = self.place("killed"), b"an older file\n" if number % 2 and replaces else None
            output = folder / subject.output
            if former is not None:
                output.parent.mkdir(exist_ok=True)
                output.write_bytes(former)
            place = 1 + (number // 2 * changes) // (-(-TIMES_A_FILE // 2))
            fault = Fault(f"{folder}/*", calls, at=place, error=error or 0, lasting=True)
            hurt = self.commands.run(folder, words, fault=fault, without=("pictures",))
            wrong = [] if error is not None or hurt.killed else [f"it was not killed: {hurt.words[-200:]}"]
            if error is not None and hurt.code != 0:
                wrong += wrong_words(hurt)
            wrong += self.after_file(subject, words, folder, (whole / subject.output).read_bytes(), former)
            yield [f"call {place} of {changes}: {each}" for each in (wrong or differences(whole, folder))]
            empty(folder)

    def after_file(
        self, subject: OneFile, words: list[str], folder: Path, right: bytes, former: bytes | None
    ) -> list[str]:
        """What is wrong with the output, which is the older file or the right one, and with running it again."""
        output = folder / subject.output
        found = output.read_bytes() if output.is_file() else None
        wrong = []
        if found not in (right, former):
            wrong.append(f"{output.name} has {len(found or b'')} bytes that are neither the old nor the new ones")
        if found != right or "--overwrite" in words:
            again = self.commands.run(folder, words, without=("pictures",))
            if again.code != 0:
                wrong.append(f"running it again ended with {again.code}: {again.words[-400:]}")
        return [*wrong, *(cut for cut in [unfinished(output)] if cut)] if output.is_file() else wrong

    def overwriting(self, subject: OneFile) -> list[str]:
        """``--overwrite`` where a command has it."""
        words = self.given.words(subject.words)
        command = words[: 3 if words[:2] == ["data", "build"] else 2 if words[0] == "data" else 1]
        said = self.commands.run(self.folder, [*command, "--help"]).said
        return ["--overwrite"] if "--overwrite" in said else []


def fewer(subject: Run) -> Run:
    """The run with no more kills than are wanted."""
    return replace(subject, kills=min(MOST, subject.kills))


def wrong_words(ended: Ended) -> list[str]:
    """What is wrong with how a command ended that could not write."""
    if ended.code != 1:
        return [f"it ended with {ended.code}: {ended.words[-300:]}"]
    if "penchant: error: " not in ended.words or "unexpected" in ended.words or "Traceback" in ended.words:
        return [f"it ended with words that are not ours: {ended.words[-400:]}"]
    return []


def unsound(folder: Path) -> list[str]:
    """Sealed checkpoints of a run that cannot be used."""
    sealed = [path.parent for path in folder.glob(f"run/checkpoints/checkpoint-*/{SEAL}")]
    return [f"{path.name}: {trouble}" for path in sealed if (trouble := sound(path)) is not None]


def empty(folder: Path) -> None:
    """Free the space of a folder; the name stays, so that the next one has another number."""
    shutil.rmtree(folder)
    folder.mkdir()


def hold(name: str, outcomes: Iterable[list[str]], record_property: Callable[[str, object], None]) -> None:
    """Count what had no consequence, for the table, and fail with what is wrong after the others."""
    found = []
    for wrong in outcomes:
        found.append(wrong)
        print("" if wrong else ".", *wrong, sep="\n" if wrong else "", flush=True)  # seen at once with pytest -s
    record_property("kills", [name, sum(not wrong for wrong in found), len(found)])
    assert not any(found), "\n".join(line for wrong in found for line in wrong)
