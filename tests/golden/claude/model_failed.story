send {"type":"control_request","request_id":"dossier-1","request":{"subtype":"initialize","hooks":null}}
send {"type":"user","message":{"role":"user","content":"do it"},"parent_tool_use_id":null,"session_id":"","uuid":"2a63b8ac-a204-85db-99d6-36126f8b32d1"}
host start
event session_started item=11ce3e51-67a4-4a70-b410-b5c2eeabf9bb
event raw_item item=11ce3e51-67a4-4a70-b410-b5c2eeabf9bb name=system/init
event turn_started turn=1 item=2a63b8ac-a204-85db-99d6-36126f8b32d1
event error text="API Error: 500 the script says so. This is a server-side issue, usually temporary — try again in a moment. If it persists, check your inference gateway (127.0.0.1:18803)."
event turn_ended turn=1 item=2a63b8ac-a204-85db-99d6-36126f8b32d1 text="failed"
result failed agent_failed retryable "API Error: 500 the script says so. This is a server-side issue, usually temporary — try again in a moment. If it persists, check your inference gateway (127.0.0.1:18803)."
