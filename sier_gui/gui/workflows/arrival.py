"""A rater arrives: consent, what they say about themselves, enrolment. Nothing is stored before consent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from PySide6.QtCore import QObject, Signal, Slot

from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.workflows.notices import Do, Notices

if TYPE_CHECKING:
    from sier_gui.core.study.records import Rater
    from sier_gui.gui.modes.study import StudyPage
    from sier_gui.gui.modes.study.views import About
    from sier_gui.gui.workflows.rating import Study


class Errand(Protocol):
    """Has the keeper's thread do something; where it fails the rater is told, and may ask for it again."""

    def __call__(
        self,
        kind: str,
        work: Callable[[Report, CancelToken], Any],
        done: Callable[[Any], None],
        retry: Do,
    ) -> None: ...


class ArrivalWorkflow(QObject):
    """`begin` with somebody new; ``enrolled`` or ``declined`` follows."""

    enrolled = Signal(object)  # Rater
    declined = Signal()

    def __init__(self, notices: Notices, errand: Errand, parent: QObject) -> None:
        super().__init__(parent)
        self._notices, self._errand = notices, errand
        self._page: StudyPage | None = None
        self._study: Study | None = None
        self._rater: Rater | None = None

    def furnish(self, page: StudyPage) -> None:
        """Connect the page, once."""
        self._page = page
        page.about.done.connect(self._on_about)

    def begin(self, study: Study, rater: Rater) -> None:
        """Ask for consent first."""
        assert self._page is not None
        self._study, self._rater = study, rater
        words, consent = self._page.words, study.design.protocol.before.consent.strip()
        self._notices.tell(
            words.consent_title, consent, words.agree, self._agreed, words.decline, self.declined.emit
        )

    def _agreed(self) -> None:
        assert self._study is not None
        assert self._page is not None
        if self._study.design.protocol.before.demographics:
            self._page.about.show_words(self._page.words)
            self._page.show_step(self._page.about)
        else:
            self._enrol()

    @Slot(object)
    def _on_about(self, about: About) -> None:
        assert self._rater is not None
        self._rater = replace(
            self._rater,
            age_band=about.age_band,
            gender=about.gender,
            language=about.language,
            hearing=about.hearing,
        )
        self._enrol()

    def _enrol(self) -> None:
        """Only now anything about this person is stored."""
        study, rater = self._study, self._rater
        assert study is not None
        assert rater is not None

        def work(_report: Report, _token: CancelToken) -> Rater:
            from sier_gui.core.study.design import enrol
            from sier_gui.core.study.project.database import now

            known = study.project.rater(rater.rater)
            if known is not None and known.consented_at:  # enrolled, and what followed failed
                return known
            version = study.design.protocol.before.consent_version
            return enrol(
                study.project, study.design, replace(rater, consent_version=version, consented_at=now())
            )

        self._errand("study.enrol", work, self.enrolled.emit, self._enrol)
