# One library `zvisor_<folder>` for each line of layers.txt, linked to the libraries of the folders it may include,
# and one executable `zvisor_<folder>_test` from its *_test.cpp.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/layers.txt)

# The .cpp files under `folder`, split into those of the library and those of its tests.
function(sources_of folder sources tests)
    file(GLOB_RECURSE all CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${folder}/*.cpp)
    if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
        list(FILTER all EXCLUDE REGEX "/engine/(translator|lockstep)/") # other hosts have the interpreter
    endif()
    set(found_tests ${all})
    list(FILTER found_tests INCLUDE REGEX "_test\\.cpp$")
    list(FILTER all EXCLUDE REGEX "_test\\.cpp$")
    set(${sources} ${all} PARENT_SCOPE)
    set(${tests} ${found_tests} PARENT_SCOPE)
endfunction()

# A library `name` of `sources`; without any it only passes on what it links.
function(add_folder_library name sources)
    if(sources)
        add_library(${name} STATIC ${sources})
        target_link_libraries(${name} PUBLIC zvisor_options ${ARGN})
    else()
        add_library(${name} INTERFACE)
        target_link_libraries(${name} INTERFACE zvisor_options ${ARGN})
    endif()
endfunction()

file(STRINGS ${PROJECT_SOURCE_DIR}/cmake/layers.txt layer_lines REGEX "^[a-z_]+:")
set(zvisor_folders)
foreach(line IN LISTS layer_lines)
    string(REGEX MATCH "^([a-z_]+):(.*)$" _ "${line}")
    set(folder ${CMAKE_MATCH_1})
    separate_arguments(may_include UNIX_COMMAND "${CMAKE_MATCH_2}")
    list(TRANSFORM may_include PREPEND zvisor_)
    set(links_${folder} ${may_include} ${libraries_${folder}})
    if(folder STREQUAL "apps")
        continue() # programs.cmake makes one library a program
    endif()
    sources_of(${folder} sources tests_${folder})
    add_folder_library(zvisor_${folder} "${sources}" ${links_${folder}})
    list(APPEND zvisor_folders ${folder})
endforeach()

# isa/<chapter>/<name>.cpp with an `extern constexpr Group` defines the rows zvisor::isa::<chapter>_<name>; the list of groups
# is derived from the files.
file(GLOB group_files CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/src/isa ${PROJECT_SOURCE_DIR}/src/isa/*/*.cpp)
list(FILTER group_files EXCLUDE REGEX "_test\\.cpp$")
list(SORT group_files)
set(isa_groups "")
foreach(file IN LISTS group_files)
    file(STRINGS ${PROJECT_SOURCE_DIR}/src/isa/${file} group_definition REGEX "^extern constexpr Group ")
    if(NOT group_definition)
        continue() # helpers of a chapter
    endif()
    string(REGEX REPLACE "^([^/]+)/([^/]+)\\.cpp$" "ISA_GROUP(\\1_\\2)\n" line ${file})
    string(APPEND isa_groups ${line})
endforeach()
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/isa_groups.inc CONTENT "${isa_groups}" @ONLY)
get_target_property(isa_type zvisor_isa TYPE)
if(isa_type STREQUAL "STATIC_LIBRARY")
    target_include_directories(zvisor_isa PUBLIC ${PROJECT_BINARY_DIR}/generated)
else()
    target_include_directories(zvisor_isa INTERFACE ${PROJECT_BINARY_DIR}/generated)
endif()
