"""One frame of a DICOM file to a plane, with the steps taken in words."""

from __future__ import annotations

from fracture_core.dicom.display import colour_plane, functional_groups, gray_plane, spacing_of
from fracture_core.dicom.elements import text_of
from fracture_core.dicom.frames import FrameMissing, encapsulated_frame, native_frame
from fracture_core.dicom.layout import layout_of, no_pixels
from fracture_core.dicom.parsing import parse
from fracture_core.imaging import Plane, check_size, choose_frame


def decode(data: bytes, *, frame: int | None = None) -> Plane:
    """Decode one frame (the middle one by default) to a float32 plane in [0, 1], (H, W) or (H, W, 3).

    Raises:
        NoPixelData: a report, a plan, contours: the message names the kind of object.
        UnsupportedSyntax: the transfer syntax or pixel layout is one no decoder reads; the message names it.
        UnreadableImage: damaged, too large, or no such frame.
    """
    header, data, element = parse(data)
    if element is None or element.start >= element.end:
        raise no_pixels(header, cut=element is not None and element.missing)
    notes: list[str] = []
    layout = layout_of(header, element, notes)
    check_size(layout.columns, layout.rows)
    chosen = choose_frame(frame, frames=layout.frames, default=layout.frames // 2)
    read = encapsulated_frame if element.encapsulated else native_frame
    try:
        decoded = read(data, element, layout, chosen, header)
    except FrameMissing:
        if frame is not None or chosen == 0:
            raise
        notes.append(f"truncated: frame {chosen} is not in the file, the first one is shown")
        chosen = 0
        decoded = read(data, element, layout, chosen, header)
    if layout.frames > 1:
        notes.append(f"frame {chosen} of {layout.frames} (counted from 0)")
    notes += decoded.notes
    groups = functional_groups(header, chosen)
    if decoded.values.ndim == 3 or decoded.photometric == "PALETTE COLOR":
        pixels = colour_plane(decoded, layout, header)
    else:
        pixels = gray_plane(decoded, layout, groups, notes)
    spacing = spacing_of(groups, notes)
    return Plane(
        pixels=pixels,
        notes=tuple(notes),
        spacing=spacing,
        modality=text_of(header, "Modality") or None,
        frame=chosen,
        frames=layout.frames,
    )
