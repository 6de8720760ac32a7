"""Decimal contexts that an application may have set, and that must not change a result of ours."""

from __future__ import annotations

import decimal

#: Held, since its table of signals is not to be read once it is gone.
_USUAL = decimal.Context()
CONTEXTS = {
    "prec 6": decimal.Context(prec=6),
    "prec 8": decimal.Context(prec=8),
    "basic": decimal.BasicContext,
    "inexact": decimal.Context(prec=12, traps=[decimal.Inexact, decimal.Rounded]),
    "everything": decimal.Context(prec=1, traps=list(_USUAL.traps)),
    "Emax 5": decimal.Context(Emax=5, Emin=-5),
    "no traps": decimal.ExtendedContext,
}
