"""The ledger: the only truth. Rows never leave this package; domain values do."""
