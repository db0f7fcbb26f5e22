"""What can be wrong with what a check is given."""

from tidemill.core.errors import InvalidInput


class NotEnough(InvalidInput):
    """There is too little data for the question; a check turns this into `inconclusive`."""

    code = "not_enough_data"


class LengthMismatch(InvalidInput):
    """Columns that belong together have different lengths."""

    code = "length_mismatch"


class BinMismatch(InvalidInput):
    """Summaries were made with different bins, and cannot be added or compared."""

    code = "bin_mismatch"


class NotNumbers(InvalidInput):
    """A column that must hold numbers holds something else."""

    code = "not_numbers"


class NotBinary(InvalidInput):
    """A truth that must be yes or no holds something else."""

    code = "not_binary"


class ColumnMissing(InvalidInput):
    """A check names a column that the table does not have."""

    code = "column_missing"


class InputMissing(InvalidInput):
    """A check needs an input that was not given, such as the reference table."""

    code = "input_missing"


class UnknownCheck(InvalidInput):
    """A name is not a check."""

    code = "unknown_check"


class InvalidParam(InvalidInput):
    """A check is given a parameter that it does not have, or of another type."""

    code = "invalid_param"


class InvalidBound(InvalidInput):
    """A text is not a bound such as `< 5%`."""

    code = "invalid_bound"


class InvalidRule(InvalidInput):
    """A quality rule is unknown or ill-typed."""

    code = "invalid_rule"


class OutOfBounds(InvalidInput):
    """A streamed value lies outside the bounds that its guarantee rests on."""

    code = "out_of_bounds"


class InvalidExpression(InvalidRule):
    """A text is not an expression that can be judged of rows."""

    code = "invalid_expression"


class UnknownSuite(InvalidInput):
    """A name is not a suite of checks."""

    code = "unknown_suite"
