# What nearly every file above schemas/ reads first: the standard library and the generated messages, parsed once in the trees
# in which files are compiled in batches. Each file still includes what it uses: a release has no precompiled header, and finds
# one that doesn't. Shared by all targets with the same flags; tests are compiled without optimization, and have their own.
function(dossier_precompiled_header target header)
  if(DOSSIER_BATCH)
    add_library(${target} OBJECT ${PROJECT_SOURCE_DIR}/cmake/precompiled.cpp)
    target_link_libraries(${target} PRIVATE dossier_flags dossier_schemas)
    target_precompile_headers(${target} PRIVATE ${header})
  endif()
endfunction()

set(precompiled_header dossier_precompiled)  # of the folders that follow
dossier_precompiled_header(${precompiled_header} ${CMAKE_CURRENT_LIST_DIR}/precompiled.hpp)
