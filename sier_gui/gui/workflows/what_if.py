"""What if a part were not there: parts taken away while one drags, and the network's answer at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from sier_gui.core.domain import Modality, Selection
from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.jobs import Priority
from sier_gui.gui.state import Held, SampleView
from sier_gui.gui.workflows.context import Context

if TYPE_CHECKING:
    from sier_gui.core.explain.what_if import WhatIfBench
    from sier_gui.core.explain.what_if_list import WhatIf
    from sier_gui.core.nets.prediction import Predictor
    from sier_gui.core.nets.releases import Release

KIND = "what_if"
_HOLDS = {Modality.IMAGE: "what_if.hold_picture", Modality.SPEECH: "what_if.hold_speech"}


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """What is to be asked: ``own`` is the sample on show, the others whose picture and speech it is given."""

    release: Release
    own: SampleView
    picture_of: SampleView
    speech_of: SampleView
    removals: tuple[Selection, ...]
    absence: str

    @property
    def way(self) -> tuple[str, str]:
        return self.release.weights_hash, self.absence

    @property
    def key(self) -> tuple[object, ...]:
        """What tells two questions apart."""
        views = (self.own, self.picture_of, self.speech_of)
        asked = [(view.sample.sample_id, view.inputs and view.inputs.content_hash) for view in views]
        return self.release.weights_hash, *asked, self.removals, self.absence


class WhatIfWorkflow(QObject):
    """One question at a time; while it is answered only the newest wish is kept, so that no drag starves."""

    pair_wished = Signal(object)  # Sample: one's picture with another's speech

    def __init__(self, context: Context) -> None:
        super().__init__(context.window)
        self._context = context
        self._wish: Wish | None = None  # the newest
        self._asked: tuple[object, ...] | None = None  # its key: under way, or answered last
        self._failed: tuple[str, str] | None = None  # release and absence that gave an error
        self._bench: WhatIfBench | None = None  # used on the computing thread only
        state, actions = context.state, context.actions
        for action_id, handler in (
            ("what_if.take_away", self.take_away),
            ("what_if.put_back", self.put_back),
            ("what_if.hold_picture", self.hold_picture),
            ("what_if.hold_speech", self.hold_speech),
            ("what_if.pair", self.open_pair),
        ):
            actions.bind(action_id, handler)
        for signal in (
            state.selection_changed,
            state.removals_changed,
            state.held_changed,
            state.sample_changed,
            state.explain_options_changed,
        ):
            signal.connect(self._consider)
        state.held_changed.connect(self._on_held)
        state.release_changed.connect(self._let_go)
        state.dataset_changed.connect(self._let_go)

    # ---------------------------------------------------------------- what the user does

    @Slot()
    def take_away(self) -> None:
        """The selection joins what is taken away, so that another part can be selected."""
        state = self._context.state
        selection = state.selection
        if selection is not None:
            state.set_removals((*state.removals, selection))
            state.set_selection(None)

    @Slot()
    def put_back(self) -> None:
        """Selection, parts and whatever is held: the sample as it is."""
        state = self._context.state
        state.set_selection(None)
        state.set_removals(())
        state.set_held(None)

    @Slot(bool)
    def hold_picture(self, hold: bool) -> None:
        self._hold(Modality.IMAGE, hold)

    @Slot(bool)
    def hold_speech(self, hold: bool) -> None:
        self._hold(Modality.SPEECH, hold)

    def _hold(self, modality: Modality, hold: bool) -> None:
        """The picture, or speech, of the sample on show stays while one walks; one of the two at a time."""
        state = self._context.state
        view = state.shown(modality)
        state.set_removals(())  # they are of the parts on show
        state.set_selection(None)
        state.set_held(Held(modality, view) if hold and view is not None else None)

    @Slot()
    def open_pair(self) -> None:
        """Explain what is on show, one's picture with another's speech, as a sample of its own."""
        from sier_gui.core.dataset.pairs import loose_pair

        state = self._context.state
        picture, speech = state.shown(Modality.IMAGE), state.shown(Modality.SPEECH)
        if picture is None or speech is None:
            return
        files = picture.sample.paths.get(Modality.IMAGE), speech.sample.paths.get(Modality.SPEECH)
        if files[0] is None or files[1] is None:
            self._context.messages.info("One of the two has no file, so that there is no pair to explain.")
            return
        self.put_back()
        self.pair_wished.emit(loose_pair(files[0], files[1], speech.sample.text))

    @Slot()
    def _let_go(self) -> None:
        """Another dataset, or a release that may want other inputs."""
        if self._context.state.held is not None:
            self._context.state.set_removals(())
            self._context.state.set_held(None)
        self._consider()

    @Slot(object)
    def _on_held(self, held: Held | None) -> None:
        for modality, action_id in _HOLDS.items():
            action = self._context.actions.action(action_id)
            action.setChecked(held is not None and held.modality is modality)

    # ---------------------------------------------------------------- asking

    @Slot()
    def _consider(self) -> None:
        """Ask, unless that has been asked; while a question is under way remember the newest only."""
        self._wish = self._wished()
        if self._wish is None:
            self._context.computer.drop(KIND)
            self._asked = None
            self._context.state.set_what_if(None)
        elif (
            self._wish.key != self._asked
            and self._wish.way != self._failed
            and not self._context.computer.busy(KIND)
        ):
            self._ask(self._wish)

    def _wished(self) -> Wish | None:
        """None where nothing is taken away, held, or known."""
        state = self._context.state
        own, release = state.sample, state.release
        picture, speech = state.shown(Modality.IMAGE), state.shown(Modality.SPEECH)
        if own is None or picture is None or speech is None or release is None:
            return None
        if any(view.inputs is None for view in (own, picture, speech)):
            return None
        selected = () if state.selection is None else (state.selection,)
        removals = (*state.removals, *selected)
        if not removals and picture is own and speech is own:
            return None
        return Wish(release, own, picture, speech, removals, state.explain_options.absence)

    def _ask(self, wish: Wish) -> None:
        self._asked = wish.key
        predictors = self._context.predictors

        def work(_report: Report, _token: CancelToken) -> WhatIf:
            return answer(self._bench_of(predictors.get(wish.release)), wish)

        job = self._context.computer.start(KIND, work, Priority.URGENT)
        job.succeeded.connect(self._on_answer)
        job.failed.connect(self._on_failed)

    def _bench_of(self, predictor: Predictor) -> WhatIfBench:
        """On the computing thread; embeddings of one network are nothing to another."""
        from sier_gui.core.explain.what_if import WhatIfBench

        if self._bench is None or self._bench.predictor is not predictor:
            self._bench = WhatIfBench(predictor)
        return self._bench

    @Slot(object)
    def _on_answer(self, found: WhatIf) -> None:
        self._failed = None
        state = self._context.state
        if state.sample is not None and found.sample_id == state.sample.sample.sample_id:
            state.set_what_if(found)
        self._go_on()

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        """Told once, not at each step of a drag: until release or absence change nothing is asked."""
        wish = self._wish
        self._failed = wish.way if wish is not None else None
        self._context.messages.error(error)
        self._context.state.set_what_if(None)

    def _go_on(self) -> None:
        if self._wish is not None and self._wish.key != self._asked:
            self._ask(self._wish)


def answer(bench: WhatIfBench, wish: Wish) -> WhatIf:
    """What the network says to ``wish``, beside what it says to the sample as it is."""
    from sier_gui.core.explain.what_if import answered

    own, picture, speech = wish.own.inputs, wish.picture_of.inputs, wish.speech_of.inputs
    assert own is not None
    assert picture is not None
    assert speech is not None
    label = wish.own.sample.label
    return answered(
        bench, own, wish.removals, wish.absence, picture_of=picture, speech_of=speech, label=label
    )
