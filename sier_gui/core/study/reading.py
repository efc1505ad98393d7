"""Where a reader is among the prompts: what is shown next, what was accepted, what was passed over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from sier_gui.core.dataset.wording import normalise
from sier_gui.core.study.takes import Prompt

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue


def prompts_of(catalogue: Catalogue) -> list[Prompt]:
    """A prompt for each row with something to say, in the dataset's order: no label, links or handles."""
    ids, texts = catalogue.column("sample_id"), catalogue.column("text")
    prompts = (Prompt(str(i), normalise(str(text)), str(text)) for i, text in zip(ids, texts, strict=True))
    return [prompt for prompt in prompts if prompt.text]


class Reading:
    """One reader's way through the prompts. Nothing here is stored: it is rebuilt from the project.

    Parameters
    ----------
    accepted, skipped : sample ids, as the project has them.
    """

    def __init__(
        self, prompts: Sequence[Prompt], accepted: Iterable[str] = (), skipped: Iterable[str] = ()
    ) -> None:
        self.prompts = list(prompts)
        known = {prompt.sample_id for prompt in self.prompts}
        self.accepted = set(accepted) & known
        self.skipped = set(skipped) & known - self.accepted
        self.index = 0
        self._to_next_open(0)

    @property
    def current(self) -> Prompt | None:
        """None where there are no prompts."""
        return self.prompts[self.index] if self.prompts else None

    @property
    def finished(self) -> bool:
        """Everything has an accepted take."""
        return len(self.accepted) == len(self.prompts)

    def accept(self) -> None:
        """The current prompt's take counts; on to the next open one."""
        if (prompt := self.current) is not None:
            self.accepted.add(prompt.sample_id)
            self.skipped.discard(prompt.sample_id)
            self._to_next_open(self.index + 1)

    def mark(self, sample_id: str, accepted: bool) -> None:
        """A take of this sample counts, or none does any more; stays at the current prompt."""
        if accepted:
            self.accepted.add(sample_id)
            self.skipped.discard(sample_id)
        else:
            self.accepted.discard(sample_id)

    def skip(self) -> None:
        """Pass the current prompt over: it is offered again when all others are done."""
        if (prompt := self.current) is not None:
            if prompt.sample_id not in self.accepted:
                self.skipped.add(prompt.sample_id)
            self._to_next_open(self.index + 1)

    def back(self) -> None:
        """To the prompt before this one, whatever became of it."""
        self.index = max(0, self.index - 1)

    def _to_next_open(self, first: int) -> None:
        """From ``first`` on and round: first those never passed over, then the skipped; else stay."""
        ids = [prompt.sample_id for prompt in self.prompts]
        order = [*range(first, len(ids)), *range(min(first, len(ids)))]
        for skipped in (False, True):
            for index in order:
                if ids[index] not in self.accepted and (ids[index] in self.skipped) == skipped:
                    self.index = index
                    return
