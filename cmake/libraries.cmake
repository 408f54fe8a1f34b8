# Libraries of the host, and the folder that uses each: libraries_<folder>. All are packages of the distribution;
# tools/setup installs them.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto SSL)
find_package(ZLIB REQUIRED)
find_package(Zydis REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(Boost 1.74 REQUIRED) # headers only: Asio

# By file: slirp's pkg-config file asks for glib's headers, which its own header does not use.
find_path(SLIRP_INCLUDE NAMES libslirp.h PATH_SUFFIXES slirp REQUIRED)
find_library(SLIRP_LIBRARY NAMES slirp REQUIRED)
add_library(zvisor_slirp INTERFACE)
target_include_directories(zvisor_slirp SYSTEM INTERFACE ${SLIRP_INCLUDE})
target_link_libraries(zvisor_slirp INTERFACE ${SLIRP_LIBRARY})
find_library(URING_LIBRARY NAMES uring REQUIRED)
find_library(NETTLE_LIBRARY NAMES nettle REQUIRED)
find_library(SECCOMP_LIBRARY NAMES seccomp REQUIRED)

# Intel's decimal floating point, the variant with arguments by value and rounding mode and flags passed as arguments.
find_library(BID_LIBRARY NAMES bidgcc000 REQUIRED)
add_library(zvisor_bid INTERFACE)
target_link_libraries(zvisor_bid INTERFACE ${BID_LIBRARY})
target_compile_definitions(zvisor_bid INTERFACE
    DECIMAL_CALL_BY_REFERENCE=0 DECIMAL_GLOBAL_ROUNDING=0 DECIMAL_GLOBAL_EXCEPTION_FLAGS=0)

# xbyak (engine) and toml++ (machine) are headers in the compiler's own path.
set(libraries_base fmt::fmt spdlog::spdlog Threads::Threads)
set(libraries_isa zvisor_bid ${NETTLE_LIBRARY} ZLIB::ZLIB)
set(libraries_engine Zydis::Zydis)
set(libraries_debug Boost::headers)
set(libraries_devices zvisor_slirp ${URING_LIBRARY})
set(libraries_prsm nlohmann_json::nlohmann_json OpenSSL::Crypto ${SECCOMP_LIBRARY} SQLite::SQLite3)
set(libraries_control Boost::headers nlohmann_json::nlohmann_json OpenSSL::SSL)
set(libraries_image crypt)
set(libraries_apps CLI11::CLI11)
