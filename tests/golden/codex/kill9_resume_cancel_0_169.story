send {"method":"initialize","id":0,"params":{"clientInfo":{"name":"dossier","title":"Dossier","version":"1"},"capabilities":{"experimentalApi":false}}}
send {"method":"initialized"}
send {"method":"thread/start","id":1,"params":{"cwd":"/w","approvalPolicy":"untrusted","sandbox":"workspace-write","model":"gpt-5.1-codex","developerInstructions":"Be brief."}}
event log_line name=system text="Codex could not find bubblewrap on PATH. Install bubblewrap with your OS package manager. See the sandbox prerequisites: https://developers.openai.com/codex/concepts/sandboxing#prerequisites. Codex will use the bundled bubblewrap in the meantime."
event session_started item=00000000-0000-7000-8000-000000000002
send {"method":"turn/start","id":2,"params":{"threadId":"00000000-0000-7000-8000-000000000002","clientUserMessageId":"tsk_1-o1","input":[{"type":"text","text":"do it","text_elements":[]}],"approvalPolicy":"untrusted"}}
event log_line name=system text="Model metadata for `gpt-5.1-codex` not found. Defaulting to fallback metadata; this can degrade performance and cause issues."
event turn_started turn=1 item=00000000-0000-7000-8000-000000000003
event approval_requested turn=1 item=call_0 request=0 kind=file_change patch="--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-hi\n+hello\n--- /dev/null\n+++ b/b.txt\n@@ -0,0 +1,1 @@\n+new\n" path=a.txt path=b.txt
! killed
event file_change item=call_0 name=interrupted text="--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-hi\n+hello\n--- /dev/null\n+++ b/b.txt\n@@ -0,0 +1,1 @@\n+new\n" failed path=a.txt path=b.txt
event turn_ended turn=1 item=00000000-0000-7000-8000-000000000003 text="lost"
send {"method":"initialize","id":0,"params":{"clientInfo":{"name":"dossier","title":"Dossier","version":"1"},"capabilities":{"experimentalApi":false}}}
send {"method":"initialized"}
send {"method":"thread/resume","id":1,"params":{"threadId":"00000000-0000-7000-8000-000000000002","excludeTurns":true,"cwd":"/w","approvalPolicy":"untrusted","sandbox":"workspace-write","model":"gpt-5.1-codex","developerInstructions":"Be brief."}}
event log_line name=system text="Codex could not find bubblewrap on PATH. Install bubblewrap with your OS package manager. See the sandbox prerequisites: https://developers.openai.com/codex/concepts/sandboxing#prerequisites. Codex will use the bundled bubblewrap in the meantime."
event log_line name=system text="Full-history hydration is deprecated for paginated threads; use `excludeTurns: true`, then page with `thread/turns/list` and `thread/items/list`."
event session_started item=00000000-0000-7000-8000-000000000002
send {"method":"turn/start","id":2,"params":{"threadId":"00000000-0000-7000-8000-000000000002","clientUserMessageId":"tsk_1-o2","input":[{"type":"text","text":"go on","text_elements":[]}],"approvalPolicy":"untrusted"}}
event log_line name=system text="Model metadata for `gpt-5.1-codex` not found. Defaulting to fallback metadata; this can degrade performance and cause issues."
event turn_started turn=2 item=00000000-0000-7000-8000-000000000005
event tool_use item=call_1 name=command text="/bin/bash -lc false"
event log_line name=command text="$ /bin/bash -lc false"
event approval_requested turn=2 item=call_1 request=0 kind=command command="/bin/bash -lc false" cwd=. detail="{\"proposedExecpolicyAmendment\":[\"false\"]}"
! cancel
event approval_resolved turn=2 item=call_1 name=cancel request=0
send {"id":0,"result":{"decision":"cancel"}}
event tool_result item=call_1 name=command failed
event command_execution item=call_1 text="/bin/bash -lc false" failed
event raw_item item=call_1 name=commandExecution
event token_usage tokens=101/20
event turn_ended turn=2 item=00000000-0000-7000-8000-000000000005 text="interrupted" tokens=101/20
! finish
warm
result completed ""
