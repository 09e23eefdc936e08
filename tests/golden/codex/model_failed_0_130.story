send {"method":"initialize","id":0,"params":{"clientInfo":{"name":"dossier","title":"Dossier","version":"1"},"capabilities":{"experimentalApi":false}}}
send {"method":"initialized"}
send {"method":"thread/start","id":1,"params":{"cwd":"/w","approvalPolicy":"untrusted","sandbox":"workspace-write","model":"gpt-5.1-codex","developerInstructions":"Be brief."}}
event log_line name=system text="Codex could not find bubblewrap on PATH. Install bubblewrap with your OS package manager. See the sandbox prerequisites: https://developers.openai.com/codex/concepts/sandboxing#prerequisites. Codex will use the bundled bubblewrap in the meantime."
event session_started item=00000000-0000-7000-8000-000000000001
send {"method":"turn/start","id":2,"params":{"threadId":"00000000-0000-7000-8000-000000000001","clientUserMessageId":"tsk_1-o1","input":[{"type":"text","text":"do it","text_elements":[]}],"approvalPolicy":"untrusted"}}
event turn_started turn=1 item=00000000-0000-7000-8000-000000000006
event log_line name=system text="Model metadata for `gpt-5.1-codex` not found. Defaulting to fallback metadata; this can degrade performance and cause issues."
event error text="We're currently experiencing high demand, which may cause temporary errors. (internalServerError)"
event turn_ended turn=1 item=00000000-0000-7000-8000-000000000006 text="failed"
! finish
result failed agent_failed retryable "We're currently experiencing high demand, which may cause temporary errors. (internalServerError)"
