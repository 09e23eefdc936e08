send {"method":"initialize","id":0,"params":{"clientInfo":{"name":"dossier","title":"Dossier","version":"1"},"capabilities":{"experimentalApi":false}}}
send {"method":"initialized"}
send {"method":"thread/start","id":1,"params":{"cwd":"/w","approvalPolicy":"never","sandbox":"workspace-write","model":"gpt-5.1-codex","developerInstructions":"Be brief."}}
event log_line name=system text="Codex could not find bubblewrap on PATH. Install bubblewrap with your OS package manager. See the sandbox prerequisites: https://developers.openai.com/codex/concepts/sandboxing#prerequisites. Codex will use the bundled bubblewrap in the meantime."
event session_started item=00000000-0000-7000-8000-000000000001
send {"method":"turn/start","id":2,"params":{"threadId":"00000000-0000-7000-8000-000000000001","clientUserMessageId":"tsk_1-o1","input":[{"type":"text","text":"do it","text_elements":[]}],"approvalPolicy":"never"}}
event log_line name=system text="Model metadata for `gpt-5.1-codex` not found. Defaulting to fallback metadata; this can degrade performance and cause issues."
event turn_started turn=1 item=00000000-0000-7000-8000-000000000002
event log_line name=system text="Codex asked for item/fileChange/requestApproval; nobody is asked here, so it was refused"
send {"id":0,"result":{"decision":"decline"}}
event file_change item=call_0 name=interrupted text="--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-hi\n+hello\n--- /dev/null\n+++ b/b.txt\n@@ -0,0 +1,1 @@\n+new\n" failed path=a.txt path=b.txt
event turn_ended turn=1 item=00000000-0000-7000-8000-000000000002 text="lost"
result failed agent_lost retryable "Codex ended in the middle of its turn: signal 9"
