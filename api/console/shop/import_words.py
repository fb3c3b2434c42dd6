"""What is said of a file, for the console: an option of the command line is called as the page calls it."""

import re

from retention.i18n import gettext as _
from retention.i18n import gettext_noop

OPTION_NAMES = {
    "--add-lines": gettext_noop("Add the lines to orders that are known"),
    "--dates": gettext_noop("Dates"),
    "--decimal": gettext_noop("Amounts"),
    "--encoding": gettext_noop("Encoding"),
    "--header-row": gettext_noop("Row of the header"),
    "--map": gettext_noop("Columns"),
    "--preset": gettext_noop("Source"),
    "--rate": gettext_noop("Other currencies"),
    "--source": gettext_noop("System that numbers the orders"),
    "--status": gettext_noop("Status words"),
}
"""The options of `regulars import`, and the labels of their fields on the page of an import."""

_OPTION = re.compile("|".join(sorted(OPTION_NAMES, key=len, reverse=True)))


def in_console(text: str) -> str:
    """Return a sentence about a file with the names that options have on its page."""
    return _OPTION.sub(lambda found: _("“{option}”").format(option=_(OPTION_NAMES[found[0]])), text)
