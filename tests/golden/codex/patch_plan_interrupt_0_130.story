send {"method":"initialize","id":0,"params":{"clientInfo":{"name":"dossier","title":"Dossier","version":"1"},"capabilities":{"experimentalApi":false}}}
send {"method":"initialized"}
send {"method":"thread/start","id":1,"params":{"cwd":"/w","approvalPolicy":"untrusted","sandbox":"workspace-write","model":"gpt-5.1-codex","developerInstructions":"Be brief."}}
event log_line name=system text="Codex could not find bubblewrap on PATH. Install bubblewrap with your OS package manager. See the sandbox prerequisites: https://developers.openai.com/codex/concepts/sandboxing#prerequisites. Codex will use the bundled bubblewrap in the meantime."
event session_started item=00000000-0000-7000-8000-000000000001
send {"method":"turn/start","id":2,"params":{"threadId":"00000000-0000-7000-8000-000000000001","clientUserMessageId":"tsk_1-o1","input":[{"type":"text","text":"do it","text_elements":[]}],"approvalPolicy":"untrusted"}}
event turn_started turn=1 item=00000000-0000-7000-8000-000000000002
event log_line name=system text="Model metadata for `gpt-5.1-codex` not found. Defaulting to fallback metadata; this can degrade performance and cause issues."
event token_usage tokens=100/20
event approval_requested turn=1 item=call_0 request=0 kind=file_change patch="--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-hi\n+hello\n--- /dev/null\n+++ b/b.txt\n@@ -0,0 +1,1 @@\n+new\n" path=a.txt path=b.txt
! accept
event approval_resolved turn=1 item=call_0 name=accept request=0
send {"id":0,"result":{"decision":"accept"}}
event file_change item=call_0 name=completed text="--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-hi\n+hello\n--- /dev/null\n+++ b/b.txt\n@@ -0,0 +1,1 @@\n+new\n" path=a.txt path=b.txt
event raw_item item=call_0 name=fileChange
event token_usage tokens=101/20
event plan text="p\n[x] look\n[>] edit\n"
event token_usage tokens=102/20
event text_delta item=msg_3 text="All d"
event text_delta item=msg_3 text="one: edited a.txt"
event message item=msg_3 text="All done: edited a.txt"
event raw_item item=msg_3 name=agentMessage
event token_usage tokens=103/20
event raw_item name=turn/diff
event turn_ended turn=1 item=00000000-0000-7000-8000-000000000002 text="completed" tokens=406/80
! turn sleep
send {"method":"turn/start","id":3,"params":{"threadId":"00000000-0000-7000-8000-000000000001","clientUserMessageId":"fup_2","input":[{"type":"text","text":"sleep","text_elements":[]}],"approvalPolicy":"untrusted"}}
event turn_started turn=2 item=00000000-0000-7000-8000-000000000004
event log_line name=system text="Model metadata for `gpt-5.1-codex` not found. Defaulting to fallback metadata; this can degrade performance and cause issues."
event token_usage tokens=104/20
event tool_use item=call_4 name=command text="/bin/bash -lc 'sleep 60'"
event log_line name=command text="$ /bin/bash -lc 'sleep 60'"
! interrupt
send {"method":"turn/interrupt","id":4,"params":{"threadId":"00000000-0000-7000-8000-000000000001","turnId":"00000000-0000-7000-8000-000000000004"}}
event tool_result item=call_4 name=command text="its end was not seen" failed
event turn_ended turn=2 item=00000000-0000-7000-8000-000000000004 text="interrupted" tokens=104/20
! finish
result completed "All done: edited a.txt"
