"""What does it say? The edXML wire format: parsed in one place, checked by our own schemas, read and written."""
