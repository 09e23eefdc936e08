# dossier_library(<name> [DEPENDS target …] [LIBRARIES target …]): every .cpp of the current folder (not of folders
# below) becomes the static library dossier_<name>. DEPENDS are ours and public; LIBRARIES are the system's and stay private,
# so that their headers can't leak out of the folder.
# GCC 12 reports members of a moved std::variant as maybe uninitialised, and overlaps in "text" + std::string (GCC bug
# 105651), also where there are none: both off. Warnings are errors in the trees that we test, not in a release: a user's
# compiler may know warnings that ours does not, and must still build the product.
add_library(dossier_flags INTERFACE)
target_compile_options(dossier_flags INTERFACE -Wall -Wextra -Werror=switch -Wno-unused-parameter -Wno-maybe-uninitialized
                       -Wno-restrict -fno-strict-aliasing)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")  # fuzzing alone is built by it: its own warnings, and ours that it does not know, pass
  target_compile_options(dossier_flags INTERFACE -Wno-unknown-warning-option)
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(dossier_flags INTERFACE -Werror)
endif()
target_include_directories(dossier_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_link_libraries(dossier_flags INTERFACE Threads::Threads)

# Nearly all of a file's compilation goes into reading the standard library and the generated messages. In the trees that are
# built to be tested the compiler takes several files at once, which makes a cold build three times as fast; in a release tree
# it takes each alone, so that a file which forgot an include is found.
set(batch_default OFF)
if(DOSSIER_TESTS AND NOT CMAKE_BUILD_TYPE STREQUAL "Release")
  set(batch_default ON)
endif()
option(DOSSIER_BATCH "Compile several files of a folder at once" ${batch_default})

# PRECOMPILED names the target whose precompiled header it shares (none where there is no name): see cmake/precompiled.cmake.
function(dossier_batch target)
  cmake_parse_arguments(ARG "" "PRECOMPILED" "" ${ARGN})
  if(NOT DOSSIER_BATCH)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  if(ARG_PRECOMPILED)
    target_precompile_headers(${target} REUSE_FROM ${ARG_PRECOMPILED})
  endif()
endfunction()

function(dossier_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_library(dossier_${name} STATIC ${sources})
  target_link_libraries(dossier_${name} PUBLIC dossier_flags ${ARG_DEPENDS} PRIVATE ${ARG_LIBRARIES})
  dossier_batch(dossier_${name} PRECOMPILED ${precompiled_header})
endfunction()
