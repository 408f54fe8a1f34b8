# The language and the tools every target is built with.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -D_GLIBCXX_ASSERTIONS") # no NDEBUG: assertions stay
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
    add_link_options(-fuse-ld=mold)
endif()
# A program loads the libraries it uses, not all that the folders it links use.
add_link_options(-Wl,--as-needed)
# With the whole program at hand g++ sees types of one name that differ.
if(CMAKE_INTERPROCEDURAL_OPTIMIZATION AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_link_options(-Werror=odr)
endif()

add_library(zvisor_options INTERFACE)
target_include_directories(zvisor_options INTERFACE ${PROJECT_SOURCE_DIR}/src)
target_compile_options(zvisor_options INTERFACE
    -march=x86-64-v2
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wold-style-cast -Werror
    # g++ 12 writes a line for every large function it stops tracking variables in
    $<$<CXX_COMPILER_ID:GNU>:-fno-var-tracking-assignments>)
