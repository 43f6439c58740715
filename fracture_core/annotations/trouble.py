"""What a database says when it fails, in words that name the remedy."""

from __future__ import annotations

from sqlalchemy import URL

PLACE = "set FRACTURE_DB_URL or FRACTURE_HOME to another place"

# Signs of a trouble in the driver's own words or in PostgreSQL's error code (its manual, appendix A), the sentence.
SQLITE = (
    (
        ("unable to open", "not a directory"),
        f"cannot be opened: check that its folder may be read and written, or {PLACE}.",
    ),
    (("readonly", "read-only"), f"cannot be written: allow writing to the file and its folder, or {PLACE}."),
    (("not a database", "malformed", "corrupt"), "is damaged: put a copy of it in its place, or move it away."),
    (("locked", "busy"), "is busy: another program is writing to it. Try again in a moment."),
    (("full", "disk i/o"), "cannot be written: make room on its disk, then try again."),
)
POSTGRESQL = (
    (("28p01", "28000"), "refuses this user or password: correct them in FRACTURE_DB_URL."),
    (("3d000",), "does not exist: create it (createdb), or correct its name in FRACTURE_DB_URL."),
    (("42501",), "does not allow this: give the user the right to create and write tables in it."),
    (("55p03", "40p01", "40001", "53300"), "is busy: another program is writing to it. Try again in a moment."),
    (("53100",), "is full: make room on its disk, then try again."),
    (
        ("create a connection", "closed", "network", "broken pipe", "timed out", "57p0", "unpack"),
        "does not answer: start its server, or correct FRACTURE_DB_URL.",
    ),
)
POOL = "is busy: too many requests at once. Try again in a moment."


def in_words(error: BaseException, url: URL) -> str:
    """A sentence on a driver's error, without the values that were being stored.

    Args:
        error: SQLAlchemy's, or the driver's own.
        url: of the store.
    """
    postgresql = url.get_backend_name() == "postgresql"
    place = f"PostgreSQL database '{url.database}' on {url.host or 'this machine'}" if postgresql else url.database
    said = _said(getattr(error, "orig", None) or error)
    remedy = next(
        (
            remedy
            for signs, remedy in (POSTGRESQL if postgresql else SQLITE)
            if any(sign in said.lower() for sign in signs)
        ),
        POOL if "queuepool" in said.lower() else f"failed: {said}. Try again, or {PLACE}.",
    )
    return f"The annotation store ({place}) {remedy}"


def _said(error: BaseException) -> str:
    """A driver's message. pg8000 gives a dictionary of fields, some of which quote what was being stored."""
    told = error.args[0] if error.args else type(error).__name__
    return f"{told.get('M', '')} ({told.get('C', '')})" if isinstance(told, dict) else str(told)
