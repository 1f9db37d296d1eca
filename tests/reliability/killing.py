"""Killing commands, going on, and comparing the end with that of the uninterrupted command."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from reliability.commands import Commands, Ended, Fault
from reliability.folders import differences, unfinished
from reliability.subjects import JUDGE, Given, OneFile, Run

__all__ = ["Killer"]

# Another number kills at other random moments.
SEED = os.environ.get("PENCHANT_KILLS_SEED", "0")
KILLS_OF_A_FILE = 10


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
            ended = self.commands.run(
                folder, self.given.words(words), fault=Fault(form=f"{folder}/*"), without=without
            )
            assert ended.code == 0, ended.said
            self.wholes[key] = folder, ended
        return self.wholes[key]

    def put_former(self, former: str, without: tuple[str, ...], folder: Path) -> None:
        """Put a finished earlier run into a folder."""
        shutil.copytree(self.whole(former, without)[0], folder, dirs_exist_ok=True)

    # -- commands that write a folder ---------------------------------------------------------------------------------

    def kill_run(self, subject: Run) -> Iterator[list[str]]:
        """Kill a command again and again; for each time what is wrong afterwards."""
        without = tuple(subject.without)
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
            finished = self.commands.run(folder, again, without=without)
            what = f"at call {place} ({ended.calls[place - 1][1].removeprefix(str(whole))})" if place else "at random"
            if finished.code != 0:
                yield [f"{what}: going on ended with {finished.code}: {finished.words[-400:]}"]
            else:
                yield [f"{what}: {each}" for each in differences(whole, folder)]
            shutil.rmtree(folder)
            folder.mkdir()  # so that the next place has another number

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
        """Run a command and kill it at a call, or (0) at a random moment; without ``sure`` it may end before."""
        if place:
            fault = Fault(form=f"{folder}/*", at=place)
            ended = self.commands.run(folder, words, fault=fault, without=without)
        else:
            seconds = max(0.01, chance.uniform(0.02, 0.95) * whole.processor_seconds * (1.0 if sure else 0.5))
            ended = self.commands.run(folder, words, processor_seconds=seconds, without=without)
        assert ended.killed or (not sure and ended.code == 0), ended.said

    # -- commands that write one file ---------------------------------------------------------------------------------

    def kill_file(self, subject: OneFile) -> Iterator[list[str]]:
        """Kill a command again and again, half of the times with an older file in the way."""
        whole, ended = self.whole(subject.words, ("pictures",))
        right = (whole / subject.output).read_bytes()
        chance = random.Random(f"{SEED}: {subject.name}")
        changes = len(ended.calls)
        assert changes, f"{subject.name} changes no file"
        for number in range(KILLS_OF_A_FILE):
            folder, former = self.place("killed"), b"an older file\n" if number % 2 else None
            output = folder / subject.output
            if former is not None:
                output.parent.mkdir(exist_ok=True)
                output.write_bytes(former)
            words = [*self.given.words(subject.words), *self.overwriting(subject)]
            # Some calls are absent where the folder is there already, so the last ones of the whole are not reached.
            place = 1 + (number // 2 * changes) // (KILLS_OF_A_FILE // 2)
            place = place if former is None else max(1, place - 1)
            self.killed(folder, words, place, ended, chance, ("pictures",))
            found = [output.read_bytes()] if output.is_file() else []
            wrong = [
                f"{subject.output} holds {len(each)} bytes that are neither the old nor the new ones"
                for each in found
                if each not in (right, former)
            ]
            if former is not None and not found:
                wrong.append(f"the older {subject.output} is gone")
            finished = self.commands.run(folder, words, without=("pictures",))
            if finished.code != 0:
                wrong.append(f"running it again ended with {finished.code}: {finished.words[-400:]}")
            else:
                wrong += differences(whole, folder)
                wrong += [f"{output.name}: {cut}" for cut in [unfinished(output)] if cut]
            yield [f"call {place} of {changes}: {each}" for each in wrong]
            shutil.rmtree(folder)
            folder.mkdir()

    def overwriting(self, subject: OneFile) -> list[str]:
        """``--overwrite`` where a command has it."""
        words = self.given.words(subject.words)
        command = words[: 3 if words[:2] == ["data", "build"] else 2 if words[0] == "data" else 1]
        said = self.commands.run(self.folder, [*command, "--help"]).said
        return ["--overwrite"] if "--overwrite" in said else []
