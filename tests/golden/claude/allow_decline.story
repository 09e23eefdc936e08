send {"type":"control_request","request_id":"dossier-1","request":{"subtype":"initialize","hooks":null}}
send {"type":"user","message":{"role":"user","content":"do it"},"parent_tool_use_id":null,"session_id":"","uuid":"2a63b8ac-a204-85db-99d6-36126f8b32d1"}
host start
event session_started item=892d0696-e6e5-4436-8e7e-3d6f05c2372b
event raw_item item=892d0696-e6e5-4436-8e7e-3d6f05c2372b name=system/init
event turn_started turn=1 item=2a63b8ac-a204-85db-99d6-36126f8b32d1
event text_delta item=msg_0/0 text="Let me look."
event message item=msg_0/0 text="Let me look."
event raw_item item=msg_0/0 name=text
event tool_use item=toolu_1 name=command text="touch /w && ls"
event log_line name=command text="$ touch /w && ls"
event raw_item item=msg_0/1 name=tool_use
event approval_requested item=toolu_1 name=Bash request=952bf0b5-aeb0-47b5-8375-638e0010a5ca kind=command command="touch /w && ls" cwd=. reason="make file" detail="{\"command\":\"touch /w && ls\",\"description\":\"make file\"}"
host resolve
event approval_resolved item=toolu_1 name=accept request=952bf0b5-aeb0-47b5-8375-638e0010a5ca
send {"type":"control_response","response":{"subtype":"success","request_id":"952bf0b5-aeb0-47b5-8375-638e0010a5ca","response":{"behavior":"allow","updatedInput":{"command":"touch /w && ls","description":"make file"}}}}
event token_usage tokens=112/20
event log_line name=command text="a.txt"
event log_line name=command text="z.txt"
event tool_result item=toolu_1 name=command text="a.txt\nz.txt"
event command_execution item=toolu_1 text="touch /w && ls" exit=0
event raw_item item=toolu_1 name=tool_result
event tool_use item=toolu_2 name=command text="rm -rf /w"
event log_line name=command text="$ rm -rf /w"
event raw_item item=msg_1/0 name=tool_use
event approval_requested item=toolu_2 name=Bash request=9b7cfa5c-b48e-42ed-a8ef-6d7360ba43b6 kind=command command="rm -rf /w" cwd=. reason="remove" detail="{\"command\":\"rm -rf /w\",\"description\":\"remove\"}"
host resolve
event approval_resolved item=toolu_2 name=decline request=9b7cfa5c-b48e-42ed-a8ef-6d7360ba43b6
send {"type":"control_response","response":{"subtype":"success","request_id":"9b7cfa5c-b48e-42ed-a8ef-6d7360ba43b6","response":{"behavior":"deny","message":"no deletes"}}}
event token_usage tokens=112/20
event log_line name=command text="no deletes"
event tool_result item=toolu_2 name=command text="no deletes" failed
event raw_item item=toolu_2 name=tool_result
event text_delta item=msg_2/0 text="Done."
event message item=msg_2/0 text="Done."
event raw_item item=msg_2/0 name=text
event token_usage tokens=112/20
event turn_ended turn=1 item=2a63b8ac-a204-85db-99d6-36126f8b32d1 text="completed" tokens=336/60 cost=1863
host finish
result completed "Done."
idle
