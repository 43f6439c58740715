"""CLAIM: the checklist for artificial intelligence in medical imaging, update of 2024.

Tejani et al., Radiol. Artif. Intell. 6(4):e240300 (2024), doi 10.1148/ryai.240300: 44 items. Wordings are ours.
"""

from __future__ import annotations

from fracture_core.model_card.checklist import Guideline, item

_NO_TRIAL = "No trial was made: stored films were read."

CLAIM = Guideline(
    "CLAIM 2024",
    "Tejani et al., Radiol. Artif. Intell. 6(4):e240300 (2024)",
    (
        item("1", "Title or summary says that it is artificial intelligence, and of which kind", "technique"),
        item("2", "Summary of design, methods, results and conclusions", "summary accuracy_named"),
        item("3", "Background, intended use and role", "background intended_use"),
        item("4", "Aims and hypotheses", "objective hypotheses"),
        item("5", "Prospective or retrospective", "retrospective"),
        item("6", "Goal of the study", "study_goal"),
        item("7", "Sources of the data", "data_source data_access"),
        item("8", "Who was included and excluded", "eligibility"),
        item("9", "Preprocessing of the data", "preprocessing"),
        item("10", "Selection of subsets of the data", "subset flow"),
        item("11", "How the data were made anonymous", "deidentification"),
        item("12", "How missing data were handled", "missing_data"),
        item("13", "How the images were acquired", "acquisition"),
        item("14", "How the reference standard was obtained", "reference reference_instructions"),
        item("15", "Why this reference standard", "reference_rationale"),
        item("16", "Who annotated, with what qualification", "annotators annotator_training"),
        item("17", "How the test set was annotated", "reference annotation_tool reference_blinding"),
        item("18", "How far annotators agree with each other and themselves", "variability"),
        item("19", "How data were assigned to parts", "partition counts"),
        item("20", "At which level the parts are disjoint", "disjoint"),
        item("21", "Intended size of the test sample", "sample_size"),
        item("22", "Description of the model", "architecture size output"),
        item("23", "Software libraries and hardware", "software libraries hardware"),
        item("24", "Where the parameters began", "initialisation"),
        item("25", "Training, with augmentation and settings", "training augmentation tuning"),
        item("26", "How the final model was selected", "model_choice"),
        item("27", "Ensembling", inapplicable="One network answers; nothing is pooled."),
        item("28", "Measures of performance", "metrics metric_choice"),
        item("29", "Measures of uncertainty and significance", "uncertainty interval_method"),
        item("30", "Robustness or sensitivity analysis", "robustness variation"),
        item("31", "Methods of explanation, and how they were validated", "explanation explanation_measured"),
        item("32", "Test on internal data", "internal_test"),
        item("33", "Test on external data", "external_test"),
        item("34", "Registration of a clinical trial", inapplicable=_NO_TRIAL),
        item("35", "Numbers included and excluded", "counts flow patients"),
        item("36", "Demographic and clinical characteristics in each part", "regions demographics"),
        item("37", "Performance on all parts and in subgroups", "metrics subgroups other_parts"),
        item("38", "Diagnostic performance with its precision", "cross_table uncertainty calibration_error"),
        item("39", "Analysis of failures", "failures"),
        item("40", "Limitations", "limits"),
        item("41", "What it means for practice, intended use and role", "intended_use workflow"),
        item("42", "Full protocol or further technical details", "technical_details"),
        item("43", "Availability of software, model and data", "code_access model_access data_access"),
        item("44", "Funding and the funders' part", "funding"),
    ),
)
