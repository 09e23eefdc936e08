send {"method":"initialize","id":0,"params":{"clientInfo":{"name":"dossier","title":"Dossier","version":"1"},"capabilities":{"experimentalApi":false}}}
send {"method":"initialized"}
send {"method":"thread/start","id":1,"params":{"cwd":"/w","approvalPolicy":"never","sandbox":"workspace-write","model":"gpt-5.1-codex","developerInstructions":"Be brief."}}
event session_started item=00000000-0000-7000-8000-000000000001
send {"method":"turn/start","id":2,"params":{"threadId":"00000000-0000-7000-8000-000000000001","clientUserMessageId":"tsk_1-o1","input":[{"type":"text","text":"do it","text_elements":[]}],"approvalPolicy":"never"}}
event log_line name=system text="Model metadata for `gpt-5.1-codex` not found. Defaulting to fallback metadata; this can degrade performance and cause issues."
event turn_started turn=1 item=00000000-0000-7000-8000-000000000002
event tool_use item=call_4 name=command text="/bin/bash -lc 'sleep 60'"
event log_line name=command text="$ /bin/bash -lc 'sleep 60'"
event token_usage tokens=510/100
event tool_result item=call_4 name=command text="its end was not seen" failed
event turn_ended turn=1 item=00000000-0000-7000-8000-000000000002 text="interrupted" tokens=510/100
result completed ""
