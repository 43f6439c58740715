"""The store: films, readers, work lists, drafts and readings behind one door."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from types import TracebackType

from sqlalchemy import ColumnElement, Engine, select

from fracture_core.annotations import drafting, films, records, trail, worklists
from fracture_core.annotations import schema as tables
from fracture_core.annotations.engine import reading, writing
from fracture_core.annotations.readings import (
    Draft,
    Event,
    FilmEntry,
    Progress,
    Reading,
    ReadingTable,
    WorkItem,
    Worklist,
    check_shown,
    now,
)


class Store:
    """Annotations in a database; made by ``open_store``. Any number of threads may share one.

    Each method is one transaction. What returned is safely kept, whatever becomes of the program afterwards.
    Readings, their marks and the audit trail only grow: the database itself refuses to change them.

    Every method raises ``StoreError`` when the database fails, and those that write raise ``StaleEdit`` when
    another writer came first.
    """

    def __init__(self, engine: Engine, *, clock: Callable[[], datetime] = now) -> None:
        self._engine = engine
        self._clock = clock

    def close(self) -> None:
        """Let go of the database's connections."""
        self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Films and readers

    def add_film(self, film: FilmEntry) -> None:
        """Make a film known. One that is known keeps its name; a spacing or source it lacked is filled in.

        Raises:
            StoreError: it is known with another size.
        """
        self.add_films([film])

    def add_films(self, entries: Iterable[FilmEntry]) -> None:
        """Make many films known at once, as ``add_film`` does one."""
        with writing(self._engine) as connection:
            films.add(connection, entries, self._clock())

    def film(self, sha256: str) -> FilmEntry:
        """One film.

        Raises:
            FractureError: it is not known.
        """
        with reading(self._engine) as connection:
            films.require(connection, wanted=[sha256])
            return films.find(connection, [sha256])[0]

    def films(self) -> list[FilmEntry]:
        """All films, by name."""
        with reading(self._engine) as connection:
            order = tables.films.c.name, tables.films.c.sha256
            return list(map(films.entry_of, connection.execute(select(*films.FILM_COLUMNS).order_by(*order))))

    def keep_film(self, sha256: str, content: bytes, *, reader: str | None = None) -> None:
        """Keep a film's file, as ``reader`` asked.

        Raises:
            FractureError: the film is not known, or the bytes are another's.
        """
        with writing(self._engine) as connection:
            films.keep(connection, sha256, content, reader=reader, at=self._clock())

    def film_content(self, sha256: str) -> bytes | None:
        """The file of a film, or None when it was not kept."""
        with reading(self._engine) as connection:
            return films.content(connection, sha256)

    def forget_film_content(self, sha256: str, *, reader: str | None = None) -> None:
        """Drop a film's file, as ``reader`` asked; the film and its readings stay."""
        with writing(self._engine) as connection:
            films.forget(connection, sha256, reader=reader, at=self._clock())

    def add_reader(self, name: str) -> str:
        """Make a reader known, if not yet; the name without spaces around it."""
        with writing(self._engine) as connection:
            return films.add_reader(connection, name, self._clock())

    def readers(self) -> list[str]:
        """All readers, by name."""
        with reading(self._engine) as connection:
            return films.all_readers(connection)

    # Work lists

    def create_worklist(self, name: str, films: Sequence[str], readers: Sequence[str], *, seed: int) -> None:
        """Give films to readers, to each in an order drawn from ``seed`` and the reader's name.

        Args:
            name: not used by another list.
            films: SHA-256s of known films.
            readers: known readers.
            seed: any whole number of 63 bits.

        Raises:
            FractureError: the name is taken, something is not known, or there is nothing to assign.
        """
        with writing(self._engine) as connection:
            worklists.create(connection, name, films, readers, seed=seed, at=self._clock())

    def assign(self, worklist: str, readers: Sequence[str]) -> None:
        """Give a list to more readers."""
        with writing(self._engine) as connection:
            worklists.assign(connection, worklist, readers, self._clock())

    def worklists(self) -> list[Worklist]:
        """All work lists, oldest first."""
        with reading(self._engine) as connection:
            return worklists.every(connection)

    def items(self, worklist: str, reader: str, *, aided: bool | None = None) -> list[WorkItem]:
        """A reader's list in their own order: (film, status) each, status one of ``STATUSES``.

        Args:
            worklist: its name.
            reader: one it was given to.
            aided: count only aided (True) or unaided (False) readings and drafts; by default either.

        Raises:
            FractureError: there is no such list, or it was not given to the reader.
        """
        with reading(self._engine) as connection:
            return worklists.items(connection, worklist, reader, aided=aided)

    def progress(self, worklist: str, reader: str, *, aided: bool | None = None) -> Progress:
        """How many films a reader's list has, and how many are committed or in draft; as ``items`` counts."""
        with reading(self._engine) as connection:
            return worklists.progress(connection, worklist, reader, aided=aided)

    # Drafts

    def draft(self, film: str, reader: str, shown: str) -> Draft:
        """The draft under way for a film and reader, aided or unaided as ``shown`` says, else a new one.

        A new one starts from the reading that it would correct; an aided one without such, from the same reader's
        unaided reading; else empty. Nothing is stored before ``save_draft``: ``updated`` is None until then.

        Args:
            film: SHA-256.
            reader: a known one.
            shown: what the reader has been shown by now, one of ``SHOWN``. What was shown before stays counted.

        Raises:
            FractureError: the film or the reader is not known.
        """
        check_shown(shown)
        with reading(self._engine) as connection:
            return drafting.open_draft(connection, film, reader, shown, self._clock())

    def save_draft(self, draft: Draft) -> Draft:
        """Store a draft; the one returned has the next version, and is the one to go on from.

        To go from unaided to aided, ask ``draft`` for the aided one: they are two, and ``shown`` tells which.

        Raises:
            StaleEdit: it was saved, committed or discarded elsewhere since this version; nothing is overwritten.
        """
        with writing(self._engine) as connection:
            return drafting.save(connection, draft, self._clock())

    def commit(self, draft: Draft) -> Reading:
        """Make a reading of a draft, saved before or not, and clear the draft.

        The reading supersedes the reader's earlier one of this film in this condition, if there is one.

        Raises:
            FractureError: no finding was chosen.
            StaleEdit: it was saved, committed or discarded elsewhere since this version.
        """
        with writing(self._engine) as connection:
            return drafting.commit(connection, draft, self._clock())

    def discard(self, draft: Draft) -> None:
        """Drop a draft; readings stay. One that was never saved leaves nothing to drop.

        Raises:
            StaleEdit: it was saved, committed or discarded elsewhere since this version.
        """
        with writing(self._engine) as connection:
            drafting.discard(connection, draft, self._clock())

    # Readings

    def import_readings(self, readings: Iterable[Reading]) -> list[Reading]:
        """Append readings made elsewhere, all or none; films and readers must be known.

        ``supersedes`` is filled in here: within a film, reader and condition the order of commitment counts. What
        is there already and says the same is left out. An ``id`` of "", or one that another reading has, is
        replaced: what was edited elsewhere comes back as a correction.

        Returns:
            Those that were appended, as stored.

        Raises:
            FractureError: a film or reader is not known, or the reader has a later reading of that film.
        """
        with writing(self._engine) as connection:
            return records.take_in(connection, readings, self._clock())

    def readings(
        self,
        *,
        film: str | None = None,
        reader: str | None = None,
        worklist: str | None = None,
        superseded: bool = False,
    ) -> list[Reading]:
        """Readings, oldest first, with their marks.

        Args:
            film: only of this film, by SHA-256.
            reader: only by this reader.
            worklist: only of this list's films, by whomever.
            superseded: those corrected since too.

        Raises:
            UnknownName: there is no such work list.
        """
        wanted = [] if superseded else [records.CURRENT]
        wanted += [tables.readings.c.film == film] if film is not None else []
        wanted += [tables.readings.c.reader == reader] if reader is not None else []
        with reading(self._engine) as connection:
            found = records.load(connection, *wanted, *_listed(worklist))
            if worklist is not None and not found:
                worklists.require(connection, worklist)
            return found

    def table(self, worklist: str | None = None) -> ReadingTable:
        """The current readings, of a list's films or of all, as columns; without marks, for speed.

        Raises:
            UnknownName: there is no such work list.
        """
        with reading(self._engine) as connection:
            found = records.table(connection, *_listed(worklist))
            if worklist is not None and not found:
                worklists.require(connection, worklist)
            return found

    def count(self) -> int:
        """How many readings were ever committed. They only grow: as long as it stays, so does every ``table``."""
        with reading(self._engine) as connection:
            return records.count(connection)

    def history(self, film: str, reader: str | None = None) -> list[Event]:
        """What happened to a film, oldest first: saves, commits, imports, assignments, the film kept."""
        with reading(self._engine) as connection:
            return trail.history(connection, film, reader)


def _listed(worklist: str | None) -> list[ColumnElement[bool]]:
    return [] if worklist is None else [records.in_worklist(worklist)]
