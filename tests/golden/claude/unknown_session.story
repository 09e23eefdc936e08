send {"type":"control_request","request_id":"dossier-1","request":{"subtype":"initialize","hooks":null}}
result failed agent_failed "Claude Code could not begin: No conversation found with session ID: 8f8065f0-c18e-4220-a340-ea6109a2a6f4"
resume refused
