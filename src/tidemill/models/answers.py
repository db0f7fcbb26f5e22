"""What a model's outputs are called, by what the model is."""

from collections.abc import Sequence

from tidemill.models.manifest import JsonValue
from tidemill.models.signatures import Field, InvalidSignature, infer_field

CLASSIFIER = "classifier"
REGRESSOR = "regressor"
RAW = "raw"


def classifier_outputs(classes: Sequence[JsonValue]) -> tuple[Field, ...]:
    """Return the outputs of a classifier with probabilities.

    With two classes these are `probability`, of the second class, and `label`. With more they are `label` and, for
    each class, `probability_` and its name.

    Raises:
        InvalidSignature: If the labels are not of one plain kind.
    """
    label = label_output(classes)
    if len(classes) == 2:
        return (Field(name="probability", type="double"), label)
    return (label, *(Field(name=f"probability_{one}", type="double") for one in classes))


def label_output(classes: Sequence[JsonValue]) -> Field:
    """Return the output that holds a classifier's answer.

    Raises:
        InvalidSignature: If the labels are not of one plain kind.
    """
    if not classes:
        raise InvalidSignature("The classifier has no classes", hint="Fit it before saving it.")
    return Field(name="label", type=infer_field("label", classes).type)


def number_outputs(count: int) -> tuple[Field, ...]:
    """Return the outputs of a model that answers numbers: `prediction`, or `prediction_0` and so on."""
    if count == 1:
        return (Field(name="prediction", type="double"),)
    return tuple(Field(name=f"prediction_{at}", type="double") for at in range(count))
