send {"type":"control_request","request_id":"dossier-1","request":{"subtype":"initialize","hooks":null}}
send {"type":"user","message":{"role":"user","content":"do it"},"parent_tool_use_id":null,"session_id":"","uuid":"2a63b8ac-a204-85db-99d6-36126f8b32d1"}
host start
event session_started item=4ac9b43f-d027-456f-9e0f-0d11c4110280
event raw_item item=4ac9b43f-d027-456f-9e0f-0d11c4110280 name=system/init
event turn_started turn=1 item=2a63b8ac-a204-85db-99d6-36126f8b32d1
event tool_use item=toolu_1 name=command text="touch started && sleep 4"
event log_line name=command text="$ touch started && sleep 4"
event raw_item item=msg_1/0 name=tool_use
event approval_requested item=toolu_1 name=Bash request=2c0f3be5-f4e5-45ea-a023-0687249640f9 kind=command command="touch started && sleep 4" cwd=. reason="as the script says" detail="{\"command\":\"touch started && sleep 4\",\"description\":\"as the script says\"}"
host resolve
event approval_resolved item=toolu_1 name=accept request=2c0f3be5-f4e5-45ea-a023-0687249640f9
send {"type":"control_response","response":{"subtype":"success","request_id":"2c0f3be5-f4e5-45ea-a023-0687249640f9","response":{"behavior":"allow","updatedInput":{"command":"touch started && sleep 4","description":"as the script says"}}}}
event token_usage tokens=100/20
host steer
send {"type":"user","message":{"role":"user","content":"and more"},"parent_tool_use_id":null,"session_id":"","uuid":"8d529f97-b477-8663-b7e8-5c54d3864936"}
host interrupt
send {"type":"control_request","request_id":"dossier-2","request":{"subtype":"cancel_async_message","message_uuid":"8d529f97-b477-8663-b7e8-5c54d3864936"}}
send {"type":"control_request","request_id":"dossier-3","request":{"subtype":"interrupt"}}
event log_line name=command text="The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was a file edit, the new_string was NOT written to the file). STOP what you are doing and wait for the user to tell you how to proceed."
event tool_result item=toolu_1 name=command text="The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was a file edit, the new_string was NOT written to the file). STOP what you are doing and wait for the user to tell you how to proceed." failed
event command_execution item=toolu_1 text="touch started && sleep 4" failed
event raw_item item=toolu_1 name=tool_result
event turn_ended turn=1 item=2a63b8ac-a204-85db-99d6-36126f8b32d1 text="interrupted" tokens=100/20 cost=600
host next_turn
send {"type":"user","message":{"role":"user","content":"slow again"},"parent_tool_use_id":null,"session_id":"","uuid":"d158f059-65c5-8ddb-a77e-0269fe4c41aa"}
event turn_started turn=2 item=d158f059-65c5-8ddb-a77e-0269fe4c41aa
event tool_use item=toolu_3 name=command text="touch started && sleep 4"
event log_line name=command text="$ touch started && sleep 4"
event raw_item item=msg_3/0 name=tool_use
event approval_requested item=toolu_3 name=Bash request=978deede-4573-4d58-a9c5-f6f4a9d19311 kind=command command="touch started && sleep 4" cwd=. reason="as the script says" detail="{\"command\":\"touch started && sleep 4\",\"description\":\"as the script says\"}"
host interrupt
send {"type":"control_request","request_id":"dossier-4","request":{"subtype":"interrupt"}}
event token_usage tokens=100/20
event approval_resolved item=toolu_3 name=withdrawn request=978deede-4573-4d58-a9c5-f6f4a9d19311
event log_line name=command text="The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was a file edit, the new_string was NOT written to the file). STOP what you are doing and wait for the user to tell you how to proceed."
event tool_result item=toolu_3 name=command text="The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was a file edit, the new_string was NOT written to the file). STOP what you are doing and wait for the user to tell you how to proceed." failed
event raw_item item=toolu_3 name=tool_result
event turn_ended turn=2 item=d158f059-65c5-8ddb-a77e-0269fe4c41aa text="interrupted" tokens=100/20 cost=600
host next_turn
send {"type":"user","message":{"role":"user","content":"slow again"},"parent_tool_use_id":null,"session_id":"","uuid":"5d68ac43-987d-8ec4-8e25-33a777bba389"}
event turn_started turn=3 item=5d68ac43-987d-8ec4-8e25-33a777bba389
event tool_use item=toolu_5 name=command text="touch started && sleep 4"
event log_line name=command text="$ touch started && sleep 4"
event raw_item item=msg_5/0 name=tool_use
event approval_requested item=toolu_5 name=Bash request=601aa954-5558-44e9-b548-1bec1f4f7328 kind=command command="touch started && sleep 4" cwd=. reason="as the script says" detail="{\"command\":\"touch started && sleep 4\",\"description\":\"as the script says\"}"
host resolve
event approval_resolved item=toolu_5 name=cancel request=601aa954-5558-44e9-b548-1bec1f4f7328
send {"type":"control_response","response":{"subtype":"success","request_id":"601aa954-5558-44e9-b548-1bec1f4f7328","response":{"behavior":"deny","message":"not that","interrupt":true}}}
event token_usage tokens=100/20
event log_line name=command text="The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was a file edit, the new_string was NOT written to the file). STOP what you are doing and wait for the user to tell you how to proceed."
event tool_result item=toolu_5 name=command text="The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was a file edit, the new_string was NOT written to the file). STOP what you are doing and wait for the user to tell you how to proceed." failed
event raw_item item=toolu_5 name=tool_result
event turn_ended turn=3 item=5d68ac43-987d-8ec4-8e25-33a777bba389 text="interrupted" tokens=100/20 cost=600
host finish
result completed ""
idle
