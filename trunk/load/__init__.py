"""A load generator for any trunk, over its native HTTP API: it knows the wire and nothing of how a trunk is built.

Open model: requests start at times that were fixed before, whatever the trunk does, and latency counts from when a
request was due. A slow answer therefore counts against all that waited behind it (no coordinated omission).
"""
