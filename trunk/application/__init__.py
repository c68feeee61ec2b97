"""What the trunk does: one use case a module. Synchronous; the asynchronous shell is trunk.http and trunk.workers."""
