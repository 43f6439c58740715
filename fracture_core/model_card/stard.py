"""STARD-AI: reporting of diagnostic accuracy studies that use artificial intelligence.

Sounderajah et al., Nat. Med. 31:3283 (2025), doi 10.1038/s41591-025-03953-8: 40 items, some in parts. Wordings are
ours. Numbers were compared with two checklists that other authors filled in and published, which agree.
"""

from __future__ import annotations

from fracture_core.model_card.checklist import Guideline, item

STARD_AI = Guideline(
    "STARD-AI",
    "Sounderajah et al., Nat. Med. 31:3283 (2025)",
    (
        item("1", "Named as a study of accuracy of an AI test, with a measure", "technique accuracy_named"),
        item("2", "Structured abstract", "summary accuracy_named"),
        item("3", "Background, intended use and place in the workflow", "background intended_use workflow"),
        item("4", "Objectives and hypotheses", "objective hypotheses"),
        item("5", "Data collected before or after the study was planned", "retrospective"),
        item("6", "Approval by an ethics committee", "ethics"),
        item("7", "Eligibility of participants and of data", "eligibility flow"),
        item("8", "How participants were identified", "identification"),
        item("9", "Setting, place and dates", "setting collection_dates"),
        item("10", "Consecutive, random or convenience series", "series"),
        item("11", "Source of the data, and why they were collected", "data_source collection_purpose"),
        item("12", "Who annotated the data, and how", "annotators annotation_tool annotator_training"),
        item("13", "Devices and software that captured and read the data", "acquisition software"),
        item("14", "Protocol of acquisition and preprocessing", "acquisition preprocessing"),
        item("15a", "The index test, for replication", "architecture preprocessing training code_access"),
        item("15b", "Development of the index test, with its data", "training partition counts"),
        item("15c", "Cut-offs of the index test, and when they were set", "thresholds threshold_rule"),
        item("15d", "End users and the expertise that they need", "intended_users"),
        item("16a", "The reference standard, for replication", "reference reference_instructions"),
        item("16b", "Why this reference standard", "reference_rationale"),
        item("16c", "Categories of the reference standard", "reference"),
        item("17a", "What the index test was told", "index_blinding"),
        item("17b", "What the assessors of the reference were told", "reference_blinding"),
        item("18", "Methods of estimating and comparing accuracy", "metrics interval_method metric_choice"),
        item("19", "Handling of indeterminate results", "indeterminate"),
        item("20", "Handling of missing data", "missing_data"),
        item("21", "Analyses of variability", "subgroups variation"),
        item("22", "Intended sample size", "sample_size"),
        item("23", "Error analysis and assessment of fairness", "failures fairness_method"),
        item("24", "Flow of participants, as a diagram", "counts flow flow_diagram"),
        item("25", "Characteristics of participants in each part", "counts regions demographics acquisition"),
        item("26a", "Severity among those with the condition", "severity"),
        item("26b", "Other diagnoses among those without it", "alternative"),
        item("27", "Time between index test and reference standard", "interval"),
        item("28", "How representative the test set is", "prevalence representative"),
        item("29", "External evaluation, and how its data differ", "external_test external_differences"),
        item("30", "Index test against reference, in counts", "cross_table"),
        item("31", "Estimates of accuracy with their precision", "metrics uncertainty"),
        item("32", "Adverse events", inapplicable="Stored films were read; nobody was examined for it."),
        item("33", "Limitations, bias and generalisability", "limits generalisability"),
        item("34", "What it means for practice, and its role", "intended_use workflow"),
        item("35", "Ethical considerations and fairness", "ethical_thoughts fairness"),
        item("36", "Registration", "registration"),
        item("37", "Protocol", "protocol"),
        item("38", "Funding", "funding"),
        item("39", "Commercial interests", "conflicts"),
        item("40a", "Availability of data and code", "data_access code_access"),
        item("40b", "Outputs kept, so that they can be audited", "outputs_kept"),
    ),
)
