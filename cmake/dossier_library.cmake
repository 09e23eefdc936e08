# dossier_library(<name> [DEPENDS target …] [LIBRARIES target …]): every .cpp of the current folder (not of folders below)
# becomes the static library dossier_<name>. DEPENDS are ours and public; LIBRARIES are the system's and stay private, so
# that their headers can't leak out of the folder.
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

function(dossier_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_library(dossier_${name} STATIC ${sources})
  target_link_libraries(dossier_${name} PUBLIC dossier_flags ${ARG_DEPENDS} PRIVATE ${ARG_LIBRARIES})
endfunction()
