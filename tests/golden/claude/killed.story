send {"type":"control_request","request_id":"dossier-1","request":{"subtype":"initialize","hooks":null}}
send {"type":"user","message":{"role":"user","content":"do it"},"parent_tool_use_id":null,"session_id":"","uuid":"2a63b8ac-a204-85db-99d6-36126f8b32d1"}
host start
event session_started item=d21fec67-8f86-4ebe-961c-d308f78a82ae
event raw_item item=d21fec67-8f86-4ebe-961c-d308f78a82ae name=system/init
event turn_started turn=1 item=2a63b8ac-a204-85db-99d6-36126f8b32d1
event reasoning item=msg_1/0 text="hmm"
event tool_use item=toolu_1 name=command text="touch /w/a.txt && ls /w"
event log_line name=command text="$ touch /w/a.txt && ls /w"
event raw_item item=msg_1/1 name=tool_use
event approval_requested item=toolu_1 name=Bash request=03d08b78-bff6-4b74-8019-3cee5efed499 kind=command command="touch /w/a.txt && ls /w" cwd=. reason="as the script says" detail="{\"command\":\"touch /w/a.txt && ls /w\",\"description\":\"as the script says\"}"
event tool_result item=toolu_1 name=command text="its end was not seen" failed
event turn_ended turn=1 item=2a63b8ac-a204-85db-99d6-36126f8b32d1 text="lost"
result failed agent_lost retryable "Claude Code ended in the middle of its turn: signal 9"
