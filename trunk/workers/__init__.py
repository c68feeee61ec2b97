"""What runs beside the requests: the loops (relay, sweep, mailroom, tidy, fetcher) and the examiners' processes."""
