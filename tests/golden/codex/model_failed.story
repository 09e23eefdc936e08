send {"method":"initialize","id":0,"params":{"clientInfo":{"name":"dossier","title":"Dossier","version":"1"},"capabilities":{"experimentalApi":false}}}
send {"method":"initialized"}
send {"method":"thread/start","id":1,"params":{"cwd":"/w","approvalPolicy":"never","sandbox":"workspace-write","model":"gpt-5.1-codex","developerInstructions":"Be brief."}}
event session_started item=00000000-0000-7000-8000-000000000001
send {"method":"turn/start","id":2,"params":{"threadId":"00000000-0000-7000-8000-000000000001","clientUserMessageId":"tsk_1-o1","input":[{"type":"text","text":"do it","text_elements":[]}],"approvalPolicy":"never"}}
event log_line name=system text="Model metadata for `gpt-5.1-codex` not found. Defaulting to fallback metadata; this can degrade performance and cause issues."
event turn_started turn=1 item=00000000-0000-7000-8000-000000000002
event error text="We’re currently experiencing high demand, which may cause temporary errors. (internalServerError)"
event turn_ended turn=1 item=00000000-0000-7000-8000-000000000002 text="failed"
result failed agent_failed retryable "We’re currently experiencing high demand, which may cause temporary errors. (internalServerError)"
