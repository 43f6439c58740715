"""A reader's draft as one page writes it, told from what another window writes.

At a click Streamlit starts a page's script anew at once; the script before it ends where it next touches the session,
and may be in the middle of saving until then. So a page's own save must not look like another window's, and a script
that has been overtaken must not save what is out of date.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

import streamlit as st

from fracture_core.annotations import Draft, Reading, Store


@dataclass
class OwnDraft:
    """The version of a draft that a page made itself or has shown its reader; kept in the session.

    Attributes:
        version: as in ``Draft``.
    """

    version: int
    _writing: threading.Lock = field(default_factory=threading.Lock)

    def stored(self, store: Store, film: str, reader: str, shown: str) -> tuple[Draft, bool]:
        """The draft as it is kept, and whether another window has written it meanwhile."""
        with self._writing:
            draft = store.draft(film, reader, shown)
            return draft, draft.version != self.version

    def save(self, store: Store, draft: Draft) -> None:
        """Keep a draft.

        Raises:
            StaleEdit: another window has written it meanwhile; nothing is overwritten.
        """
        with self._writing:
            _end_if_overtaken()
            self.version = store.save_draft(replace(draft, version=self.version)).version

    def commit(self, store: Store, draft: Draft) -> Reading:
        """Make a reading of a draft.

        Raises:
            StaleEdit: another window has written it meanwhile.
        """
        with self._writing:
            reading = store.commit(replace(draft, version=self.version))
            self.version = store.draft(draft.film, draft.reader, draft.shown).version  # of the next draft
            return reading


def _end_if_overtaken() -> None:
    """Any touch of the session ends a script whose page has been started anew."""
    _ = "overtaken" in st.session_state
