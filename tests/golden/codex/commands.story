send {"method":"initialize","id":0,"params":{"clientInfo":{"name":"dossier","title":"Dossier","version":"1"},"capabilities":{"experimentalApi":false}}}
send {"method":"initialized"}
send {"method":"thread/start","id":1,"params":{"cwd":"/w","approvalPolicy":"never","sandbox":"workspace-write","model":"gpt-5.1-codex","developerInstructions":"Be brief."}}
event log_line name=system text="Codex could not find bubblewrap on PATH. Install bubblewrap with your OS package manager. See the sandbox prerequisites: https://developers.openai.com/codex/concepts/sandboxing#prerequisites. Codex will use the bundled bubblewrap in the meantime."
event session_started item=00000000-0000-7000-8000-000000000001
send {"method":"turn/start","id":2,"params":{"threadId":"00000000-0000-7000-8000-000000000001","clientUserMessageId":"tsk_1-o1","input":[{"type":"text","text":"do it","text_elements":[]}],"approvalPolicy":"never"}}
event log_line name=system text="Model metadata for `gpt-5.1-codex` not found. Defaulting to fallback metadata; this can degrade performance and cause issues."
event turn_started turn=1 item=00000000-0000-7000-8000-000000000002
event reasoning item=rs_0 text="**Plan** look around"
event raw_item item=rs_0 name=reasoning
event tool_use item=call_0 name=command text="/bin/bash -lc ls"
event log_line name=command text="$ /bin/bash -lc ls"
event log_line name=system text="Codex asked for item/commandExecution/requestApproval; nobody is asked here, so it was refused"
send {"id":0,"result":{"decision":"decline"}}
event log_line name=command text="pyenv: cannot rehash: /home/user/.pyenv/shims isn't writable"
event log_line name=command text="a.txt"
event tool_result item=call_0 name=command text="pyenv: cannot rehash: /home/user/.pyenv/shims isn't writable\na.txt\n"
event command_execution item=call_0 text="/bin/bash -lc ls" exit=0
event raw_item item=call_0 name=commandExecution
event token_usage tokens=100/20
event tool_use item=call_1 name=command text="/bin/bash -lc \"printf '\\\\033[31mred\\\\033[0m\\\\n'; touch /w; ls\""
event log_line name=command text="$ /bin/bash -lc \"printf '\\\\033[31mred\\\\033[0m\\\\n'; touch /w; ls\""
event log_line name=system text="Codex asked for item/commandExecution/requestApproval; nobody is asked here, so it was refused"
send {"id":1,"result":{"decision":"decline"}}
event log_line name=command text="\u001b[31mred\u001b[0m"
event log_line name=command text="a.txt"
event tool_result item=call_1 name=command text="\u001b[31mred\u001b[0m\na.txt\n"
event command_execution item=call_1 text="/bin/bash -lc \"printf '\\\\033[31mred\\\\033[0m\\\\n'; touch /w; ls\"" exit=0
event raw_item item=call_1 name=commandExecution
event token_usage tokens=101/20
event text_delta item=msg_2 text="no ap"
event text_delta item=msg_2 text="ply_patch tool"
event message item=msg_2 text="no apply_patch tool"
event raw_item item=msg_2 name=agentMessage
event token_usage tokens=102/20
event turn_ended turn=1 item=00000000-0000-7000-8000-000000000002 text="completed" tokens=303/60
result completed "no apply_patch tool"
