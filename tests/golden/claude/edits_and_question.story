send {"type":"control_request","request_id":"dossier-1","request":{"subtype":"initialize","hooks":null}}
send {"type":"user","message":{"role":"user","content":"do it"},"parent_tool_use_id":null,"session_id":"","uuid":"2a63b8ac-a204-85db-99d6-36126f8b32d1"}
host start
event session_started item=88e62e9d-3308-49a6-9765-ecf384836435
event raw_item item=88e62e9d-3308-49a6-9765-ecf384836435 name=system/init
event turn_started turn=1 item=2a63b8ac-a204-85db-99d6-36126f8b32d1
event reasoning item=msg_1/0 text="hmm"
event tool_use item=toolu_1 name=command text="touch /w/a.txt && ls /w"
event log_line name=command text="$ touch /w/a.txt && ls /w"
event raw_item item=msg_1/1 name=tool_use
event approval_requested item=toolu_1 name=Bash request=3f47ab15-634e-4b6a-b80e-91a63606b878 kind=command command="touch /w/a.txt && ls /w" cwd=. reason="as the script says" detail="{\"command\":\"touch /w/a.txt && ls /w\",\"description\":\"as the script says\"}"
host resolve
event approval_resolved item=toolu_1 name=accept request=3f47ab15-634e-4b6a-b80e-91a63606b878
send {"type":"control_response","response":{"subtype":"success","request_id":"3f47ab15-634e-4b6a-b80e-91a63606b878","response":{"behavior":"allow","updatedInput":{"command":"touch /w/a.txt && ls /w","description":"as the script says"}}}}
event token_usage tokens=100/20
event log_line name=command text="a.txt"
event tool_result item=toolu_1 name=command text="a.txt"
event command_execution item=toolu_1 text="touch /w/a.txt && ls /w" exit=0
event raw_item item=toolu_1 name=tool_result
event tool_use item=toolu_3 name=Write text="{\"file_path\":\"/w/n.txt\",\"content\":\"hello\\n\"}"
event raw_item item=msg_3/0 name=tool_use
event token_usage tokens=100/20
event approval_requested item=toolu_3 name=Write request=b78d513a-489a-43aa-8c21-16c7b9499a5d kind=file_change patch="Write n.txt\n+hello\n" cwd=. reason="n.txt" path=n.txt detail="{\"file_path\":\"/w/n.txt\",\"content\":\"hello\\n\"}"
host resolve
event approval_resolved item=toolu_3 name=accept_for_session request=b78d513a-489a-43aa-8c21-16c7b9499a5d
send {"type":"control_response","response":{"subtype":"success","request_id":"b78d513a-489a-43aa-8c21-16c7b9499a5d","response":{"behavior":"allow","updatedInput":{"file_path":"/w/n.txt","content":"hello\n"},"updatedPermissions":[{"type":"setMode","mode":"acceptEdits","destination":"session"}]}}}
event tool_result item=toolu_3 name=Write text="File created successfully at: /w/n.txt (file state is current in your context — no need to Read it back)"
event file_change item=toolu_3 name=completed text="Write n.txt\n+hello\n" path=n.txt
event raw_item item=toolu_3 name=tool_result
event tool_use item=toolu_5 name=Read text="{\"file_path\":\"/w/n.txt\"}"
event raw_item item=msg_5/0 name=tool_use
event token_usage tokens=100/20
event tool_result item=toolu_5 name=Read text="1\thello\n2\t"
event raw_item item=toolu_5 name=tool_result
event tool_use item=toolu_7 name=Edit text="{\"replace_all\":false,\"file_path\":\"/w/n.txt\",\"old_string\":\"hello\",\"new_string\":\"bye\"}"
event raw_item item=msg_7/0 name=tool_use
event token_usage tokens=100/20
event tool_result item=toolu_7 name=Edit text="The file /w/n.txt has been updated successfully. (file state is current in your context — no need to Read it back)"
event file_change item=toolu_7 name=completed text="Edit n.txt\n-hello\n+bye\n" path=n.txt
event raw_item item=toolu_7 name=tool_result
event text_delta item=msg_9/0 text="Done it."
event message item=msg_9/0 text="Done it."
event raw_item item=msg_9/0 name=text
event token_usage tokens=100/20
event turn_ended turn=1 item=2a63b8ac-a204-85db-99d6-36126f8b32d1 text="completed" tokens=500/100 cost=3000
host next_turn
send {"type":"user","message":{"role":"user","content":"ask me"},"parent_tool_use_id":null,"session_id":"","uuid":"8d529f97-b477-8663-b7e8-5c54d3864936"}
event turn_started turn=2 item=8d529f97-b477-8663-b7e8-5c54d3864936
event tool_use item=toolu_11 name=AskUserQuestion text="{\"questions\":[{\"question\":\"Which colour?\",\"header\":\"Colour\",\"multiSelect\":false,\"options\":[{\"label\":\"Red\",\"description\":\"r\"},{\"label\":\"Blue\",\"description\":\"b\"}]}]}"
event raw_item item=msg_11/0 name=tool_use
event approval_requested item=toolu_11 name=AskUserQuestion request=f3a31476-164e-45e7-b789-e02c825da1b4 kind=user_input command="AskUserQuestion {\"questions\":[{\"question\":\"Which colour?\",\"header\":\"Colour\",\"options\":[{\"label\":\"Red\",\"description\":\"r\"},{\"label\":\"Blue\",\"description\":\"b\"}],\"multiSelect\":false}]}" cwd=. detail="{\"questions\":[{\"question\":\"Which colour?\",\"header\":\"Colour\",\"options\":[{\"label\":\"Red\",\"description\":\"r\"},{\"label\":\"Blue\",\"description\":\"b\"}],\"multiSelect\":false}]}"
host resolve
event approval_resolved item=toolu_11 name=accept request=f3a31476-164e-45e7-b789-e02c825da1b4
send {"type":"control_response","response":{"subtype":"success","request_id":"f3a31476-164e-45e7-b789-e02c825da1b4","response":{"behavior":"allow","updatedInput":{"questions":[{"question":"Which colour?","header":"Colour","options":[{"label":"Red","description":"r"},{"label":"Blue","description":"b"}],"multiSelect":false}],"answers":{"Which colour?":"Blue"}}}}}
event token_usage tokens=100/20
event tool_result item=toolu_11 name=AskUserQuestion text="Your questions have been answered: \"Which colour?\"=\"Blue\". You can now continue with these answers in mind."
event raw_item item=toolu_11 name=tool_result
event text_delta item=msg_13/0 text="asked"
event message item=msg_13/0 text="asked"
event raw_item item=msg_13/0 name=text
event token_usage tokens=100/20
event turn_ended turn=2 item=8d529f97-b477-8663-b7e8-5c54d3864936 text="completed" tokens=200/40 cost=1200
host finish
result completed "asked"
idle
