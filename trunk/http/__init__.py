"""The asynchronous doors: the native API, its problems and its documentation."""
