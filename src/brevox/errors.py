"""What can go wrong through a user's doing, each error a sentence that says what to do.

The command line prints the sentence and exits with status 2; the application shows it. Anything
that is not a `BrevoxError` is a bug and deserves its traceback.
"""


class BrevoxError(Exception):
    """Base of every error a user can cause and mend."""


class AudioFileError(BrevoxError):
    """An audio file is missing, empty, damaged, or holds no audio."""


class StreamError(BrevoxError):
    """A `.sc` file is not one, is damaged, or is cut short."""


class ModelFileError(BrevoxError):
    """A `.bvx` model file is not one, is damaged, or comes from a newer Brevox."""


class WrongModelError(StreamError):
    """A `.sc` file was made with another model than the one at hand."""


class OutputError(BrevoxError):
    """An output file cannot be written: no such folder, no permission, disk full."""


class SettingsError(BrevoxError):
    """An option, a recipe or an argument has a value that cannot work."""


class DataError(BrevoxError):
    """Training data is missing, empty or does not fit the recipe."""


class BankError(BrevoxError):
    """A file of synthesiser voices is missing, damaged, or holds none."""
