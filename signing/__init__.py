"""Is it genuine? Verifies and makes XML signatures, verifies those inside PDFs, timestamps, paths and revocation.

Knows nothing of queues, databases or agencies, and opens no connection.
"""
