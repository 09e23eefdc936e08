# Bugs on purpose for the simulation (base/mutation.hpp): on where tests are built and nothing is measured or shipped. These
# are all the files that have any.
set(mutations_default OFF)
if(DOSSIER_TESTS AND NOT CMAKE_BUILD_TYPE STREQUAL "Release")
  set(mutations_default ON)
endif()
option(DOSSIER_MUTATIONS "Compile the switches for bugs on purpose" ${mutations_default})
if(DOSSIER_MUTATIONS)
  foreach(place events:ledger events:task events:approval projections:memory_store projections:partition projections:judged_batch
                producers:command_runner producers:lease_book producers:intake producers:intake_lanes producers:scheduler worker:protocol_turns
                api:commit_cursor)
    string(REPLACE ":" ";" place ${place})
    list(GET place 0 folder)
    list(GET place 1 file)
    set_source_files_properties(${PROJECT_SOURCE_DIR}/${folder}/${file}.cpp TARGET_DIRECTORY dossier_${folder}
                                PROPERTIES COMPILE_DEFINITIONS DOSSIER_MUTATIONS)
  endforeach()
  # Compiled alone, with the precompiled header, GCC 12 sees overruns of std::string in it where there are none.
  set_source_files_properties(${PROJECT_SOURCE_DIR}/events/approval.cpp TARGET_DIRECTORY dossier_events
                              PROPERTIES COMPILE_OPTIONS "-Wno-array-bounds;-Wno-stringop-overflow")
endif()
