send {"type":"control_request","request_id":"dossier-1","request":{"subtype":"initialize","hooks":null}}
send {"type":"user","message":{"role":"user","content":"do it"},"parent_tool_use_id":null,"session_id":"","uuid":"2a63b8ac-a204-85db-99d6-36126f8b32d1"}
host start
event session_started item=f3785c89-3081-4401-b472-7085cb0a7eb2
event raw_item item=f3785c89-3081-4401-b472-7085cb0a7eb2 name=system/init
event turn_started turn=1 item=2a63b8ac-a204-85db-99d6-36126f8b32d1
event tool_use item=toolu_1 name=command text="sleep 3; echo x"
event log_line name=command text="$ sleep 3; echo x"
event raw_item item=msg_1/0 name=tool_use
host steer
send {"type":"user","message":{"role":"user","content":"be quick"},"parent_tool_use_id":null,"session_id":"","uuid":"8d529f97-b477-8663-b7e8-5c54d3864936"}
event token_usage tokens=100/20
event log_line name=command text="x"
event tool_result item=toolu_1 name=command text="x"
event command_execution item=toolu_1 text="sleep 3; echo x" exit=0
event raw_item item=toolu_1 name=tool_result
event steered turn=1 item=fup_1
event text_delta item=msg_3/0 text="after"
event message item=msg_3/0 text="after"
event raw_item item=msg_3/0 name=text
event token_usage tokens=100/20
event turn_ended turn=1 item=2a63b8ac-a204-85db-99d6-36126f8b32d1 text="completed" tokens=200/40 cost=1200
host next_turn
send {"type":"user","message":{"role":"user","content":"wait for it"},"parent_tool_use_id":null,"session_id":"","uuid":"d158f059-65c5-8ddb-a77e-0269fe4c41aa"}
event turn_started turn=2 item=d158f059-65c5-8ddb-a77e-0269fe4c41aa
host steer
send {"type":"user","message":{"role":"user","content":"one more thing"},"parent_tool_use_id":null,"session_id":"","uuid":"5d68ac43-987d-8ec4-8e25-33a777bba389"}
event text_delta item=msg_5/0 text="late"
event message item=msg_5/0 text="late"
event raw_item item=msg_5/0 name=text
event token_usage tokens=100/20
event text_delta item=msg_7/0 text="Done."
event steered turn=2 item=fup_3
event message item=msg_7/0 text="Done."
event raw_item item=msg_7/0 name=text
event token_usage tokens=100/20
event turn_ended turn=2 item=d158f059-65c5-8ddb-a77e-0269fe4c41aa text="completed" tokens=200/40 cost=1200
host finish
result completed "Done."
idle
