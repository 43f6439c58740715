"""The reading station: the film with its tools, the finding, and after the commit what the machine says."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from fracture_core.annotations import Draft, Reading, StaleEdit, Store
from fracture_core.errors import FractureError
from fracture_core.weights import Card
from ui import cases, loaders, work_lists
from ui.encoded import heat_of, picture_of
from ui.films import Opened, tell_remarks, tray
from ui.map_choice import best_map
from ui.own_draft import OwnDraft
from ui.reading_clock import ReadingClock
from ui.wording import BLUE, SKY, answer_line
from ui.work_lists import Desk

if TYPE_CHECKING:
    from ui.viewer import Drawn

UNAIDED, AIDED = "nothing", "heatmap"
CHOICES = {
    "fracture": ("Fracture", "1"),
    "none": ("No fracture", "2"),
    "uncertain": ("Uncertain", "3"),
}
_CONFLICT = "conflict"  # session: what another window did meanwhile
_CHANGED = "This film was changed in another window. What is kept now is shown here; go on from it."
_ROOM = 1_000_000  # gestures that fit between two numbers from which they are counted


def station(place: Desk, store: Store, card: Card, operating_point: str) -> None:
    """Read the film that is open: unaided, then beside the machine's answer, and if wanted once more with it."""
    try:
        film = cases.film_of(place.film, store)
        opened = tray().open(film)
    except FractureError as error:
        work_lists.missing_film(error, place)
        return
    _conflict(place)
    readings = store.readings(film=place.film.sha256, reader=place.reader)
    unaided = next((reading for reading in readings if not reading.aided), None)
    aided = next((reading for reading in readings if reading.aided), None)
    again = st.session_state.get(_again_key(place), False)
    if unaided is None:
        _read(place, store, opened, shown=UNAIDED)
    elif again:
        _read(place, store, opened, shown=AIDED, card=card, operating_point=operating_point)
    else:
        _compare(place, opened, unaided, aided, card, operating_point)


# Reading ----------------------------------------------------------------------------------------------------


def _read(
    place: Desk,
    store: Store,
    opened: Opened,
    *,
    shown: str,
    card: Card | None = None,
    operating_point: str = "balanced",
) -> None:
    """Film and form; every gesture and every choice is kept as a draft at once."""
    from ui.viewer import confirm, viewer
    from ui.viewer import drawn as told

    keys = _keys(place, shown)
    own = _own_draft(place, store, shown, keys)
    draft, foreign = own.stored(store, place.film.sha256, place.reader, shown)
    if foreign:
        _take_stored(keys)
        own = _own_draft(place, store, shown, keys)
        st.warning(_CHANGED, icon=":material/sync_problem:")
    begins = _revision_key(keys) not in st.session_state
    # in a new session above whatever a browser that outlived its server has counted in the one before
    revision = st.session_state.setdefault(_revision_key(keys), int(time.time()) * _ROOM)
    clock = _clock(draft, keys)
    # a reading starts when the film is first shown, not when its first mark is kept
    begun = st.session_state.setdefault(f"begun-{keys}", draft.started)
    draft = replace(draft, started=min(begun, draft.started))
    left, right = st.columns([2, 1], gap="medium")
    with left:
        drawn = viewer(
            picture_of(opened),
            key=_viewer_key(keys),
            heat=heat_of(opened, loaders.classifier(card.name), best_map(card)) if card is not None else None,
            marks=draft.marks,
            revision=revision,
            version=own.version,
            seconds=draft.seconds,
            colour=SKY,
        )
        tell_remarks(opened)
        if cases.held_by_page(place.film, store):
            st.caption(":material/info: This film is held by this page alone; your marks and reading are kept.")
    with right:
        if card is not None:
            _machine(opened, card, operating_point)
        said = _form(draft, keys)
        if begins and _outdated(told(_viewer_key(keys)), said, draft, keys):
            st.session_state[_CONFLICT] = _CHANGED
            st.rerun()
        said = _with_marks(said, drawn)
        _save(store, draft, said, own, clock)
        with left:  # before the words that all is kept
            confirm(_viewer_key(keys), revision=drawn.revision if drawn else revision, version=own.version)
        _commit(place, store, said, keys, own, clock)


def _viewer_key(keys: str) -> str:
    return f"reading-{keys}"


def _keys(place: Desk, shown: str) -> str:
    """What tells the widgets of one reading from those of every other."""
    return f"{place.reader}-{place.film.sha256[:16]}-{shown}"


def _again_key(place: Desk) -> str:
    return f"again-{place.reader}-{place.film.sha256[:16]}"


def _widget(name: str, keys: str) -> str:
    """The key of "confidence" or "note": another one once the stored reading has taken the page's place."""
    return f"{name}-{keys}-{st.session_state.get(f'taken-{keys}', 0)}"


def _revision_key(keys: str) -> str:
    """Where the number stands from which the browser counts gestures, once the stored reading is shown."""
    return f"revision-{keys}"


def _outdated(told: Drawn | None, said: Draft, stored: Draft, keys: str) -> bool:
    """Whether a browser that outlived its server holds a reading that another window has changed meanwhile.

    Where the marks are the stored ones and no note is kept, a note it brings was on its way when the server went.

    Args:
        told: what it drew last.
        said: with what its widgets hold.
    """
    if told is not None and told.version == stored.version:
        return False  # it was drawn upon what is stored
    confidence, note = st.session_state[f"form-{keys}"]  # what the widgets would begin with
    redrawn = told is not None and told.marks != stored.marks
    rewritten = bool(stored.note) and said.note != note
    return redrawn or rewritten or said.confidence not in (None, confidence)


def _form(draft: Draft, keys: str) -> Draft:
    """Finding, confidence and note as they stand on the page."""
    finding_key, confidence_key, begun = f"finding-{keys}", _widget("confidence", keys), f"form-{keys}"
    st.session_state.setdefault(finding_key, draft.finding)
    # What the widgets begin with is told to them at every run. Put into the session, it would reach the browser in
    # the first run alone: broken off by a click, that would leave the slider at its lower end and the note empty.
    if confidence_key not in st.session_state:
        st.session_state[begun] = (80 if draft.confidence is None else draft.confidence, draft.note)
    confidence, note = st.session_state[begun]

    def choose(finding: str) -> None:
        st.session_state[finding_key] = finding

    st.markdown("**Finding**")
    row = st.container(horizontal=True)  # where it is narrow a button takes another line, and no word is cut
    for finding, (title, key) in CHOICES.items():
        row.button(
            title,
            key=f"choose-{finding}-{keys}",
            on_click=choose,
            args=(finding,),
            type="primary" if st.session_state[finding_key] == finding else "secondary",
            shortcut=key,
        )
    lowest = 50 if confidence >= 50 else 0  # less than a half sure is only a reading that was imported
    st.slider("Confidence, per cent", lowest, 100, confidence, step=5, key=confidence_key)
    placeholder = "Anything worth remembering of this film"
    st.text_area("Note", note, key=_widget("note", keys), height=80, placeholder=placeholder)
    return _said(draft, keys)


def _said(draft: Draft, keys: str) -> Draft:
    """A draft with the finding, confidence and note that the page holds."""
    finding = st.session_state.get(f"finding-{keys}")
    confidence = int(st.session_state[_widget("confidence", keys)]) if finding else None
    note = str(st.session_state.get(_widget("note", keys), ""))
    return replace(draft, finding=finding, confidence=confidence, note=note)


def _with_marks(draft: Draft, drawn: Drawn | None) -> Draft:
    if drawn is None:
        return draft
    return replace(draft, marks=drawn.marks, seconds=max(draft.seconds, drawn.seconds))


def _clock(draft: Draft, keys: str) -> ReadingClock:
    """The clock of a film since it was opened here; Streamlit forgets the form of a film that is left."""
    name = f"clock-{keys}"
    if name not in st.session_state or _widget("confidence", keys) not in st.session_state:
        st.session_state[name] = ReadingClock(draft.seconds)
    found: ReadingClock = st.session_state[name]
    return found


def _own_draft(place: Desk, store: Store, shown: str, keys: str) -> OwnDraft:
    name = f"own-{keys}"
    if name not in st.session_state:
        st.session_state[name] = OwnDraft(store.draft(place.film.sha256, place.reader, shown).version)
    found: OwnDraft = st.session_state[name]
    return found


def _save(store: Store, stored: Draft, draft: Draft, own: OwnDraft, clock: ReadingClock) -> None:
    """Keep the draft, if anything in it is new."""
    said, kept = ((each.finding, each.confidence, each.marks, each.note) for each in (draft, stored))
    if said == kept:
        return
    try:
        own.save(store, replace(draft, seconds=clock.done(draft.seconds)))
    except StaleEdit as error:
        st.session_state[_CONFLICT] = str(error)
        st.rerun()


def _commit(place: Desk, store: Store, draft: Draft, keys: str, own: OwnDraft, clock: ReadingClock) -> None:
    count = len(draft.marks)
    marked = f"{count} mark{'s' if count != 1 else ''}" if count else "No marks yet"
    st.caption(f"{marked}. Everything is kept as you go; nothing needs saving.")
    if draft.finding == "fracture" and not count:
        st.caption(":material/edit: Mark where the fracture is, so that it can be compared with the machine's map.")

    @loaders.callback
    def commit() -> None:
        from ui.viewer import drawn

        if st.session_state.get(f"done-{keys}") == own.version:
            return  # a second click, before the page has changed
        # the last gesture and the last word may have come with this very click
        stored = store.draft(place.film.sha256, place.reader, draft.shown)
        told = drawn(_viewer_key(keys))
        if told is not None and told.revision < st.session_state.get(_revision_key(keys), 0):
            told = None  # the browser's word of before: since then what another window drew is shown
        said = _with_marks(_said(stored, keys), told)
        st.session_state.pop(_again_key(place), None)
        try:
            own.commit(store, replace(said, started=draft.started, seconds=clock.spent(said.seconds)))
            st.session_state[f"done-{keys}"] = own.version
        except StaleEdit as error:
            st.session_state[_CONFLICT] = str(error)

    st.button(
        "Commit",
        key=f"commit-{keys}",
        on_click=commit,
        type="primary",
        disabled=draft.finding is None,
        shortcut="enter",
        width="stretch",
        help="Your reading is then final, and the machine's answer is shown." if draft.shown == UNAIDED else None,
    )
    if draft.finding is None:
        st.caption("Choose a finding first: keys 1, 2 or 3.")


def _conflict(place: Desk) -> None:
    """Say what another window did, and show what is stored."""
    told = st.session_state.pop(_CONFLICT, None)
    if told is None:
        return
    st.warning(str(told), icon=":material/sync_problem:")
    for shown in (UNAIDED, AIDED):
        _take_stored(_keys(place, shown))


def _take_stored(keys: str) -> None:
    """Forget what the page holds of a reading, so that what is stored is shown again."""
    for name in ("finding", "own"):
        st.session_state.pop(f"{name}-{keys}", None)
    st.session_state[f"taken-{keys}"] = st.session_state.get(f"taken-{keys}", 0) + 1  # the widgets begin anew
    if _revision_key(keys) in st.session_state:
        st.session_state[_revision_key(keys)] += _ROOM  # above what the browser has counted


# After the commit -------------------------------------------------------------------------------------------


def _compare(
    place: Desk, opened: Opened, unaided: Reading, aided: Reading | None, card: Card, operating_point: str
) -> None:
    """The reader's marks and the machine's map on one film, region by region."""
    from ui.viewer import Layer, viewer

    reading = aided or unaided
    left, right = st.columns([2, 1], gap="medium")
    with left:
        layers = [Layer(f"{place.reader}, unaided", SKY, unaided.marks, dashed=aided is not None)]
        if aided is not None:
            layers.append(Layer(f"{place.reader}, with the map", BLUE, aided.marks))
        viewer(
            picture_of(opened),
            key=f"after-{_keys(place, reading.shown)}",
            heat=heat_of(opened, loaders.classifier(card.name), best_map(card)),
            layers=layers,
        )
        tell_remarks(opened)
    with right:
        title = CHOICES[reading.finding][0]
        sure = f", {reading.confidence} % sure" if reading.confidence is not None else ""
        st.markdown(f"**You said:** {title.lower()}{sure}, in {_duration(reading.seconds)}.")
        _machine(opened, card, operating_point)
        _regions(opened, card, reading)
        done = all(status == "committed" for status in place.status)
        st.button(
            "Next film" if not done else "All films are read",
            on_click=work_lists.go_to_open,
            args=(place,),
            type="primary",
            shortcut="enter",
            disabled=done,
            width="stretch",
        )

        def again() -> None:
            st.session_state[_again_key(place)] = True
            st.session_state.pop(f"done-{_keys(place, AIDED)}", None)

        st.button(
            "Read again with the machine's answer" if aided is None else "Correct the aided reading",
            on_click=again,
            width="stretch",
            help="A second reading of its own: the first stays as it is, and which was first is kept.",
        )


def _machine(opened: Opened, card: Card, operating_point: str) -> None:
    prediction = opened.prediction(loaders.classifier(card.name), operating_point=operating_point)
    st.html(answer_line("The machine says", prediction))


def _regions(opened: Opened, card: Card, reading: Reading) -> None:
    """One line per marked region: whether the machine's map covers it."""
    from fracture_core.localisation import score_film

    outlines = [mark.outline for mark in reading.marks if mark.is_region]
    heatmap = opened.heatmap(loaders.classifier(card.name), method=best_map(card))
    if heatmap.flat:
        st.caption("The machine's map is the same everywhere: it says nothing about this film.")
        return
    if not outlines:
        st.caption("You marked no region, so there is none to compare the map with.")
        return
    found = score_film(heatmap.pixels, outlines, spacing=opened.radiograph.spacing)
    lines = []
    for region in found.regions:
        verdict = "agree, the map covers" if region.covered else "missed, the map covers"
        lines.append(f"- **{region.name}**: {verdict} {100 * region.share:.0f} % of it")
    if found.distance >= 1:
        away = f"{found.distance_mm:.0f} mm" if found.distance_mm is not None else f"{found.distance:.0f} px"
        lines.append(f"- **extra**: the map is brightest outside your regions, {away} away")
    st.markdown("\n".join(lines))


def _duration(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"
