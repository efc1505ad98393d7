"""Every action of the window, a line each, and when it can be used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sier_gui.gui.state import AppState

Condition = Callable[[AppState], bool]
EXPLORING = frozenset(["Sample", "Explain", "What If", "Playback", "Annotate"])  # menus of Explore alone
LABEL_KEYS = 9

UNLOCK = "study.unlock"


def always(_state: AppState) -> bool:
    return True


def with_dataset(state: AppState) -> bool:
    return state.dataset is not None


def with_answers(state: AppState) -> bool:
    """A dataset that was built: it has the labelling networks' answers."""
    if state.dataset is None:
        return False
    from sier_gui.core.dataset.answered import is_built

    return is_built(state.dataset.columns)


def with_rows(state: AppState) -> bool:
    return state.dataset is not None and len(state.rows) > 0


def with_sample(state: AppState) -> bool:
    return state.sample is not None


def with_speech(state: AppState) -> bool:
    return state.sample is not None and state.sample.speech is not None


def with_picture(state: AppState) -> bool:
    return state.mode == "explore" and state.sample is not None and state.sample.picture is not None


def with_prediction(state: AppState) -> bool:
    return state.prediction is not None


def with_attribution(state: AppState) -> bool:
    return state.attribution is not None


def with_selection(state: AppState) -> bool:
    return state.selection is not None


def with_changes(state: AppState) -> bool:
    """Something of the sample is selected, taken away, or another's."""
    return bool(state.removals) or state.selection is not None or state.held is not None


def with_held(state: AppState) -> bool:
    return state.sample is not None and state.held is not None


def with_what_if(state: AppState) -> bool:
    return state.what_if is not None


def with_span(state: AppState) -> bool:
    """Part of the speech is selected."""
    return state.selection is not None and state.selection.modality == "speech" and with_speech(state)


def with_less(state: AppState) -> bool:
    """Something is taken away, or about to be."""
    return with_speech(state) and (bool(state.removals) or state.selection is not None)


def with_table(state: AppState) -> bool:
    return state.predictions is not None


def surveying(state: AppState) -> bool:
    return "survey" in state.busy


def exporting(state: AppState) -> bool:
    return "export" in state.busy


def with_readers(state: AppState) -> bool:
    return state.mode == "record" and bool(state.project)


def at_booth(state: AppState) -> bool:
    return state.mode == "record" and state.booth


def with_rater(state: AppState) -> bool:
    return state.mode == "study" and "rater" in state.study


def with_unfinished(state: AppState) -> bool:
    return state.mode == "study" and "resumable" in state.study


def with_report(state: AppState) -> bool:
    return state.mode == "study" and "report" in state.study


def with_draw(state: AppState) -> bool:
    """A study is open whose items nobody's answer has fixed."""
    return state.mode == "study" and "drawable" in state.study


def rating(state: AppState) -> bool:
    return state.rating


def annotatable(state: AppState) -> bool:
    """A sample of a dataset is on show; a loose pair belongs to none."""
    on_show = state.sample is not None and state.sample.sample.row >= 0
    return state.dataset is not None and on_show and not state.overview


def with_label(number: int) -> Condition:
    """There is a label number ``number``, from 1."""

    def check(state: AppState) -> bool:
        return annotatable(state) and number <= len(state.annotated.labels)

    return check


def markable(state: AppState) -> bool:
    """A part of this sample is selected, not of another one's picture or speech that is held."""
    selection = state.selection
    return annotatable(state) and selection is not None and not state.holds(selection.modality)


def with_samples(state: AppState) -> bool:
    return with_rows(state) and not state.overview


def with_unsaved(state: AppState) -> bool:
    return state.annotated.unsaved > 0


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One line of the table; a handler of a checkable action is given its new state."""

    id: str
    text: str
    menu: str
    shortcut: str = ""
    icon: str = ""
    enabled: Condition = always
    checkable: bool = False
    group: int = 0  # a menu draws a line where this changes


ACTIONS: tuple[ActionSpec, ...] = (
    ActionSpec("file.open", "Open Folder…", "File", "Ctrl+O", "open"),
    ActionSpec("file.open_table", "Open Table…", "File", "Ctrl+Shift+O"),
    ActionSpec("file.demo", "Try the Demo", "File"),
    ActionSpec("file.pair", "Open a Picture and a Sound…", "File", "Ctrl+Alt+O", group=1),
    ActionSpec(
        "file.record", "Record Speech for This Picture…", "File", "Ctrl+R", "record", with_picture, group=1
    ),
    ActionSpec("file.validate", "Check the Dataset", "File", "", "", with_dataset, group=2),
    ActionSpec("file.export", "Export…", "File", "Ctrl+E", "export", with_attribution, group=2),
    ActionSpec("overview.export", "Save the Dataset's Figure…", "File", "", "", with_table, group=2),
    ActionSpec("export.cancel", "Cancel the Export", "File", "", "", exporting, group=2),
    ActionSpec("file.quit", "Quit", "File", "Ctrl+Q", group=3),
    ActionSpec("sample.next", "Next Sample", "Sample", "Alt+Down", "next", with_rows),
    ActionSpec("sample.previous", "Previous Sample", "Sample", "Alt+Up", "previous", with_rows),
    ActionSpec("sample.next_error", "Next Error", "Sample", "Ctrl+Down", "", with_table),
    ActionSpec("table.search", "Search", "Sample", "Ctrl+F", "", with_dataset, group=1),
    ActionSpec("table.most_wrong", "Most Wrong First", "Sample", "Ctrl+M", "", with_table, group=1),
    ActionSpec(
        "overview.suspects", "Likely Label Errors First", "Sample", "Ctrl+Shift+L", "", with_table, group=1
    ),
    ActionSpec("table.reset", "Show All Samples", "Sample", "Ctrl+Shift+A", "", with_dataset, group=1),
    ActionSpec("predict.pause", "Pause Predicting the Dataset", "Sample", "", "", with_table, True, 2),
    ActionSpec("survey.degree", "Modality Degree", "Sample", "Ctrl+D", "", with_table, group=3),
    ActionSpec("survey.start", "Explain Whole Dataset…", "Sample", "Ctrl+Shift+D", "", with_table, group=3),
    ActionSpec("survey.pause", "Pause Explaining the Dataset", "Sample", "", "", surveying, True, 3),
    ActionSpec("survey.cancel", "Cancel Explaining the Dataset", "Sample", "", "", surveying, group=3),
    ActionSpec(
        "sample.provenance", "Where This Dataset Comes From…", "Sample", "Ctrl+B", "", with_answers, group=4
    ),
    *(
        ActionSpec(f"annotate.label_{n}", f"Label {n}", "Annotate", str(n), "", with_label(n), True)
        for n in range(1, LABEL_KEYS + 1)
    ),
    ActionSpec("annotate.clear", "Take My Label Away", "Annotate", "0", "", annotatable),
    ActionSpec("annotate.flag", "Flag", "Annotate", "F", "flag", annotatable, True, 1),
    ActionSpec("annotate.comment", "Comment", "Annotate", "C", "comment", annotatable, group=1),
    ActionSpec("annotate.mark", "Mark the Selection", "Annotate", "M", "", markable, group=1),
    ActionSpec("annotate.undo", "Undo", "Annotate", "Ctrl+Z", "", with_dataset, group=2),
    ActionSpec("annotate.redo", "Redo", "Annotate", "Ctrl+Shift+Z", "", with_dataset, group=2),
    ActionSpec("annotate.unlabelled", "Next Unlabelled", "Annotate", "U", "", with_samples, group=3),
    ActionSpec("annotate.disputed", "Next Disputed", "Annotate", "D", "", with_samples, group=3),
    ActionSpec("annotate.advance", "Go On after Labelling", "Annotate", "", "", always, True, 3),
    ActionSpec("annotate.name", "Who Annotates…", "Annotate", group=4),
    ActionSpec("annotate.labels", "Labels…", "Annotate", "", "", with_dataset, group=4),
    ActionSpec("annotate.agreement", "Agreement of Annotators…", "Annotate", "", "", with_dataset, group=4),
    ActionSpec("annotate.merge", "Merge Annotations of Others…", "Annotate", "", "", with_dataset, group=4),
    ActionSpec("annotate.export", "Export Annotations…", "Annotate", "", "", with_dataset, group=5),
    ActionSpec("annotate.table", "Save Table with These Labels…", "Annotate", "", "", with_dataset, group=5),
    ActionSpec("annotate.retry", "Save Again What Was Not Saved", "Annotate", "", "", with_unsaved, group=6),
    ActionSpec("explain.run", "Explain Again", "Explain", "Ctrl+Return", "explain", with_prediction),
    ActionSpec("explain.cancel", "Cancel the Explanation", "Explain", "Ctrl+."),
    ActionSpec("explain.options", "How This Is Explained…", "Explain", "Ctrl+H"),
    ActionSpec("explain.truth", "Is the Map True?…", "Explain", "Ctrl+T", "", with_prediction),
    ActionSpec("people.compare", "Raters' Marks…", "Explain", "Ctrl+Alt+W", "", with_dataset),
    ActionSpec(
        "explain.next_class", "Explain the Next Class", "Explain", "Ctrl+]", "", with_prediction, group=1
    ),
    ActionSpec(
        "explain.previous_class",
        "Explain the Previous Class",
        "Explain",
        "Ctrl+[",
        "",
        with_prediction,
        group=1,
    ),
    ActionSpec(
        "what_if.take_away", "Take the Selection Away", "What If", "Ctrl+Backspace", "", with_selection
    ),
    ActionSpec(
        "what_if.put_back", "Put Everything Back", "What If", "Ctrl+Shift+Backspace", "", with_changes
    ),
    ActionSpec("what_if.keep", "Keep in the List", "What If", "Ctrl+K", "", with_what_if, group=1),
    ActionSpec("what_if.list", "What-If List…", "What If", "Ctrl+L", "", with_sample, group=1),
    ActionSpec(
        "what_if.hold_picture", "Hold This Picture", "What If", "Ctrl+Alt+P", "", with_picture, True, 2
    ),
    ActionSpec("what_if.hold_speech", "Hold This Speech", "What If", "Ctrl+Alt+S", "", with_speech, True, 2),
    ActionSpec("what_if.pair", "Explain This Pair", "What If", "Ctrl+Alt+E", "", with_held, group=2),
    ActionSpec("play.toggle", "Play or Stop", "Playback", "Ctrl+Space", "play", with_speech),
    ActionSpec("play.from_here", "Play from Here", "Playback", "Ctrl+Shift+Space", "", with_speech),
    ActionSpec(
        "play.important", "Play the Important Part", "Playback", "Ctrl+I", "important", with_attribution
    ),
    ActionSpec(
        "play.unimportant", "Play the Unimportant Part", "Playback", "Ctrl+Shift+I", "", with_attribution
    ),
    ActionSpec("play.selection", "Play the Selection", "Playback", "Ctrl+J", "", with_span),
    ActionSpec("play.rest", "Play Without What Is Taken Away", "Playback", "Ctrl+Shift+J", "", with_less),
    ActionSpec("play.stop", "Stop", "Playback", "", "stop", with_speech),
    ActionSpec("play.loop", "Loop", "Playback", "Ctrl+U", "", with_speech, True, 1),
    ActionSpec(
        "play.compare", "Switch to Another Voice, Equally Loud", "Playback", "B", "", with_speech, group=1
    ),
    ActionSpec("play.save", "Save What Is Heard…", "Playback", "Ctrl+S", "", with_speech, group=2),
    ActionSpec("record.new", "New Study Project…", "Record"),
    ActionSpec("record.open", "Open a Study Project…", "Record"),
    ActionSpec("record.merge", "Merge a Copy of the Project…", "Record", "", "", with_readers),
    ActionSpec("record.readers", "Readers", "Record", "Ctrl+Alt+R", "", with_readers, group=1),
    ActionSpec("record.device", "Microphone and Room", "Record", "Ctrl+Alt+M", "", with_readers, group=1),
    ActionSpec("record.import", "Import Recordings…", "Record", "", "", at_booth, group=1),
    ActionSpec(
        "record.accept_all", "Accept All Imported Takes That Passed", "Record", "", "", at_booth, group=1
    ),
    ActionSpec("record.withdraw", "Withdraw This Reader…", "Record", "", "", at_booth, group=1),
    ActionSpec("record.toggle", "Record or Stop", "Record", "Space", "", at_booth, group=2),
    ActionSpec("record.retake", "Record This Prompt Again", "Record", "R", "", at_booth, group=2),
    ActionSpec("record.accept", "Accept the Take", "Record", "Return", "", at_booth, group=2),
    ActionSpec("record.back", "Back to the Prompt Before", "Record", "Left", "", at_booth, group=2),
    ActionSpec("record.skip", "Skip This Prompt", "Record", "S", "", at_booth, group=2),
    ActionSpec("record.listen", "Listen to the Take", "Record", "L", "", at_booth, group=2),
    ActionSpec("study.open", "Open a Study…", "Study"),
    ActionSpec("study.demo", "Try the Demo Study", "Study"),
    ActionSpec("study.draw", "Draw the Items…", "Study", "", "", with_draw),
    ActionSpec("study.unlock", "Back to the Experimenter", "Study", "Ctrl+Alt+U", "", rating, group=1),
    ActionSpec("study.resume", "Go On as This Rater", "Study", "", "", with_unfinished, group=1),
    ActionSpec("study.withdraw", "Withdraw This Rater…", "Study", "", "", with_rater, group=1),
    ActionSpec("study.progress", "Progress of the Study", "Study", "Alt+1", group=2),
    ActionSpec("study.table", "Table 1", "Study", "Alt+2", group=2),
    ActionSpec("study.planning", "Plan a Study", "Study", "Alt+3", group=2),
    ActionSpec("study.published", "A Published Table", "Study", "Alt+4", group=2),
    ActionSpec("study.responses", "Open Responses (CSV)…", "Study", group=3),
    ActionSpec("study.import_table", "Check a Published Table (CSV)…", "Study", group=3),
    ActionSpec("study.copy", "Copy Table 1", "Study", "Ctrl+Alt+C", "", with_report, group=3),
    ActionSpec("study.export", "Export Table 1…", "Study", "Ctrl+Shift+E", "", with_report, group=3),
    ActionSpec("mode.explore", "Explore", "View", "Ctrl+Alt+1", "", always, True),
    ActionSpec("mode.record", "Record", "View", "Ctrl+Alt+2", "", always, True),
    ActionSpec("mode.study", "Study", "View", "Ctrl+Alt+3", "", always, True),
    ActionSpec("view.overlay", "Overlay", "View", "Ctrl+1", "", with_attribution, True, 1),
    ActionSpec("view.signed", "Signed Values", "View", "Ctrl+2", "", with_attribution, True, 1),
    ActionSpec(
        "view.shared_scale",
        "One Scale for Picture and Speech",
        "View",
        "Ctrl+3",
        "",
        with_attribution,
        True,
        1,
    ),
    ActionSpec("view.dataset", "Dataset as a Whole", "View", "Ctrl+Alt+D", "", with_dataset, True, 1),
    ActionSpec("view.still_heard", "Words a Recogniser Still Hears", "View", "Ctrl+4", "", always, True, 1),
    ActionSpec("view.people", "Raters' Marks", "View", "Ctrl+5", "", with_dataset, True, 1),
    ActionSpec("view.theme_system", "Colours of the System", "View", "", "", always, True, 2),
    ActionSpec("view.theme_light", "Light", "View", "", "", always, True, 2),
    ActionSpec("view.theme_dark", "Dark", "View", "", "", always, True, 2),
    ActionSpec("tools.train", "Train a Release…", "Tools", "Ctrl+Shift+T", "", with_dataset),
    ActionSpec("help.palette", "Find an Action", "Help", "Ctrl+Shift+P", "search"),
    ActionSpec("help.shortcuts", "Keyboard Shortcuts", "Help", "?"),
    ActionSpec("help.page", "Help for What You Are At", "Help", "F1", group=1),
    ActionSpec("help.tour", "Take the Tour", "Help", "", "", with_sample, group=1),
    ActionSpec("help.about", "About sier-gui", "Help", group=1),
)
