"""edoc-trunk: accepts signed official documents, keeps them, hands them over, and can always say where they are."""
