"""Readings and their marks out of and into the formats of other tools.

Both ways: COCO, Pascal VOC, YOLO, VIA, CSV. Out only: W3C Web Annotation, DICOM SR, SEG and GSPS, pictures.
Writers take films, each with its readings, and give bytes, or files by path where a format has several; readers
take these and the films that are known, and tell in words what they could not match or represent. What a foreign
format has no place for is kept where its tools look past it, so that our own files come back whole: a box with its
top-left corner first, all else as it was.
"""

from __future__ import annotations

from fracture_core.interchange.coco import read_coco, write_coco
from fracture_core.interchange.dicom_presentation import write_gsps
from fracture_core.interchange.dicom_report import write_sr
from fracture_core.interchange.dicom_segmentation import write_seg
from fracture_core.interchange.dicom_source import SourceImage, source_image
from fracture_core.interchange.films import FilmReadings, Imported, InvalidFile
from fracture_core.interchange.formats import (
    FORMATS,
    Exported,
    Format,
    export_readings,
    import_readings,
    readable,
)
from fracture_core.interchange.fracatlas import fracatlas_readings
from fracture_core.interchange.mark_table import read_csv, write_csv
from fracture_core.interchange.picture import write_png
from fracture_core.interchange.via import read_via, write_via
from fracture_core.interchange.voc import read_voc, write_voc
from fracture_core.interchange.web_annotation import write_web_annotation
from fracture_core.interchange.yolo import read_yolo, write_yolo

__all__ = [
    "FORMATS",
    "Exported",
    "FilmReadings",
    "Format",
    "Imported",
    "InvalidFile",
    "SourceImage",
    "export_readings",
    "fracatlas_readings",
    "import_readings",
    "read_coco",
    "read_csv",
    "read_via",
    "read_voc",
    "read_yolo",
    "readable",
    "source_image",
    "write_coco",
    "write_csv",
    "write_gsps",
    "write_png",
    "write_seg",
    "write_sr",
    "write_via",
    "write_voc",
    "write_web_annotation",
    "write_yolo",
]
