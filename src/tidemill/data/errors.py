"""What can be wrong with data, one class per case that a caller may treat differently."""

from tidemill.core.errors import Conflict, InvalidInput, NotFound, Refused, TooLarge, Unavailable


class DatasetNotFound(NotFound):
    """No dataset has that name."""

    code = "dataset_not_found"


class DatasetVersionNotFound(NotFound):
    """The dataset has no such version, tag or day."""

    code = "dataset_version_not_found"


class DatasetInTrash(DatasetNotFound):
    """The dataset lies in the trash, and can be taken out."""

    code = "dataset_in_trash"


class DatasetVersionInTrash(DatasetVersionNotFound):
    """The version lies in the trash, and can be taken out."""

    code = "dataset_version_in_trash"


class DatasetVersionRemoved(DatasetVersionNotFound):
    """The version was removed for good; only what it was is known."""

    code = "dataset_version_removed"


class DatasetInUse(Conflict):
    """Something works with the dataset or the version, so that it cannot go to the trash."""

    code = "dataset_in_use"


class DatasetMoved(Conflict):
    """Somebody made a version of the dataset while this one was being read."""

    code = "dataset_moved"


class NotATable(InvalidInput):
    """The dataset version is a folder of files, and a table was asked for."""

    code = "not_a_table"


class InvalidDatasetRef(InvalidInput):
    """A text does not name a dataset version."""

    code = "invalid_dataset_ref"


class SourceNotFound(NotFound):
    """Nothing is at the path or matches the pattern."""

    code = "source_not_found"


class SourceRefused(Refused):
    """The path leaves the folders that may be read, or is not a plain file."""

    code = "source_refused"


class SourceFailed(Unavailable):
    """A source that is no file could not be reached, or failed in words of its own."""

    code = "source_failed"


class UnknownScheme(InvalidInput):
    """No installed source reads addresses that begin so."""

    code = "unknown_scheme"


class PlainSecret(InvalidInput):
    """A source holds a password or token itself, and not a reference to one."""

    code = "plain_secret"


class CredentialMissing(NotFound):
    """A reference to a credential names nothing."""

    code = "credential_missing"


class SourceChanged(Conflict):
    """A file changed while it was read."""

    code = "source_changed"


class SourceTooLarge(TooLarge):
    """A packed file unpacks to far more than it should."""

    code = "unpacked_too_large"


class UnsupportedSource(InvalidInput):
    """The file is of a kind that is not read here."""

    code = "unsupported_source"


class EmptySource(InvalidInput):
    """The file has no rows."""

    code = "empty_source"


class MalformedTable(InvalidInput):
    """The file is not a whole table: rows of unlike length, broken quoting, a truncated end."""

    code = "malformed_table"


class WrongEncoding(MalformedTable):
    """The file is not UTF-8."""

    code = "wrong_encoding"


class WrongDelimiter(InvalidInput):
    """The fields are separated by something else than the delimiter in use."""

    code = "wrong_delimiter"


class InvalidColumns(InvalidInput):
    """The names of the columns cannot be used: missing, twice, reserved, or with characters no name may hold."""

    code = "invalid_columns"


class UnknownColumn(InvalidInput):
    """A rule, key, time or option names a column that the table does not have."""

    code = "unknown_column"


class InvalidOption(InvalidInput):
    """An option of the ingestion is none of the accepted ones."""

    code = "invalid_option"


class MixedTypes(InvalidInput):
    """A column holds mostly values of one type, and some that are not."""

    code = "mixed_types"


class SchemaMismatch(InvalidInput):
    """Files of one dataset version have unlike columns."""

    code = "schema_mismatch"


class BadRows(InvalidInput):
    """Rows break the rules, and bad rows are to be rejected."""

    code = "bad_rows"


class QualityFailed(InvalidInput):
    """The table as a whole breaks the rules."""

    code = "quality_failed"


class ExportExists(Conflict):
    """Something is at the path that an export would write."""

    code = "export_exists"
