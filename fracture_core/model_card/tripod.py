"""TRIPOD+AI: reporting of clinical prediction models that use regression or machine learning.

Collins et al., BMJ 385:e078378 (2024), doi 10.1136/bmj-2023-078378: 27 items, many in parts. Wordings are ours.
"""

from __future__ import annotations

from fracture_core.model_card.checklist import Guideline, item

TRIPOD_AI = Guideline(
    "TRIPOD+AI",
    "Collins et al., BMJ 385:e078378 (2024)",
    (
        item("1", "Title names development or evaluation, population and outcome", "summary data_source study_goal"),
        item("2", "Structured abstract", "summary accuracy_named"),
        item("3a", "Healthcare context and earlier models", "background prior_work"),
        item("3b", "Target population, purpose, place in care, users", "intended_use workflow intended_users"),
        item("3c", "Known inequalities of health", "inequalities"),
        item("4", "Objectives: development, evaluation or both", "study_goal objective"),
        item("5a", "Sources of data, and how far they are representative", "data_source representative"),
        item("5b", "Dates of collection", "collection_dates"),
        item("6a", "Setting, number and place of the centres", "setting"),
        item("6b", "Eligibility of participants", "eligibility"),
        item("6c", "Treatments received", inapplicable="The film shows the outcome itself; none lies in the future."),
        item("7", "Preprocessing and quality checks, alike across groups", "preprocessing missing_data demographics"),
        item("8a", "The outcome, and how and when it was assessed", "reference interval reference_rationale"),
        item("8b", "Qualification and demographics of the assessors", "annotators annotator_training"),
        item("8c", "Blinding of the assessment", "reference_blinding"),
        item("9a", "Choice of the initial predictors", "predictors predictor_rationale"),
        item("9b", "Definition and measurement of the predictors", "predictors preprocessing acquisition"),
        item(
            "9c", "Assessors of subjective predictors", inapplicable="The predictors are pixels; nobody rates them."
        ),
        item("10", "Sample size", "sample_size"),
        item("11", "Missing data", "missing_data"),
        item("12a", "How the data were used and divided", "partition disjoint sample_size"),
        item("12b", "How predictors were handled", "preprocessing"),
        item("12c", "Type of model, its building and tuning", "architecture training tuning internal_test"),
        item("12d", "Differences between clusters, such as hospitals", "heterogeneity"),
        item("12e", "Measures of performance, and why these", "metrics metric_choice calibration_error"),
        item("12f", "Updating of the model", inapplicable="The model was not updated after its evaluation."),
        item("12g", "How predictions were calculated", "preprocessing calibration"),
        item("13", "Class imbalance", "imbalance calibration"),
        item("14", "Approaches to fairness", "fairness_method"),
        item("15", "Output of the model, and how thresholds were found", "output thresholds threshold_rule"),
        item("16", "Differences of development and evaluation data", "counts part_differences"),
        item("17", "Approval by an ethics committee", "ethics"),
        item("18a", "Funding", "funding"),
        item("18b", "Conflicts of interest", "conflicts"),
        item("18c", "Protocol", "protocol"),
        item("18d", "Registration", "registration"),
        item("18e", "Sharing of data", "data_access"),
        item("18f", "Sharing of code", "code_access"),
        item("19", "Involvement of patients and the public", "involvement"),
        item("20a", "Flow of participants", "counts flow flow_diagram"),
        item("20b", "Characteristics of participants", "regions demographics collection_dates"),
        item("20c", "Comparison of development and evaluation data", "part_differences"),
        item("21", "Participants and outcomes in each analysis", "counts"),
        item("22", "The full model, for others to use", "model_access"),
        item("23a", "Performance with intervals, and in key subgroups", "metrics uncertainty subgroups fairness"),
        item("23b", "Heterogeneity across clusters", "heterogeneity"),
        item("24", "Results of an update", inapplicable="The model was not updated after its evaluation."),
        item("25", "Interpretation, with fairness and earlier studies", "prior_work fairness"),
        item("26", "Limitations", "limits"),
        item("27a", "Input of poor quality", "input_quality"),
        item("27b", "What users must do and know", "intended_users"),
        item("27c", "Next steps, applicability and generalisability", "next_steps generalisability"),
    ),
)
