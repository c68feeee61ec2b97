"""Is it genuine? Verifies and makes XML signatures; knows nothing of queues, databases or agencies."""
