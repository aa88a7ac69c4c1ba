# enid_layer(NAME folder [LINK ...] [EXCLUDE pattern] [PRECOMPILE header...] [PRECOMPILE_TESTS header...])
#   One static library per folder of src/: enid_<folder>, from every .cc below it that is not a
#   test, plus <folder>_test from every *_test.cc, one ctest entry a test case. PRECOMPILE names
#   what nearly every file of the folder reads first, and its tests.

# With ENID_SANITIZED_TESTS the same tests, built in build/asan with sanitizers, are entries of this
# build's ctest too (one a folder), so that one summary speaks for all.
option(ENID_SANITIZED_TESTS "List the unit tests of build/asan in ctest" OFF)
# The folders' heaviest headers are read once for each folder instead of once for each file: a quarter less to
# compile. For what `make test` builds; the other builds are to find a file that forgets an include.
option(ENID_PRECOMPILE "Precompile headers" OFF)
# What boots virtual machines (suites RealQemu*) is listed by tests/guest, one entry at a time.
add_custom_target(unit_tests)  # Every unit test's program, and nothing else.

add_library(enid_options INTERFACE)
target_compile_features(enid_options INTERFACE cxx_std_23)
target_include_directories(enid_options INTERFACE ${PROJECT_SOURCE_DIR}/src)
target_compile_options(enid_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  -Wno-sign-conversion -Wnon-virtual-dtor -Werror -fno-omit-frame-pointer)
if(ENID_PRECOMPILE)  # What ccache asks for.
  if(CMAKE_CXX_COMPILER_ID STREQUAL Clang)
    target_compile_options(enid_options INTERFACE "SHELL:-Xclang -fno-pch-timestamp")
  else()
    target_compile_options(enid_options INTERFACE -fpch-preprocess)
  endif()
endif()

function(enid_layer folder)
  cmake_parse_arguments(LAYER "" "EXCLUDE" "LINK;PRECOMPILE;PRECOMPILE_TESTS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  if(LAYER_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX ${LAYER_EXCLUDE})
  endif()
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  string(REPLACE "/" "_" name ${folder})
  if(sources)
    add_library(enid_${name} STATIC ${sources})
    target_link_libraries(enid_${name} PUBLIC enid_options ${LAYER_LINK})
  else()
    add_library(enid_${name} INTERFACE)
    target_link_libraries(enid_${name} INTERFACE enid_options ${LAYER_LINK})
  endif()
  if(ENID_PRECOMPILE AND LAYER_PRECOMPILE)
    target_precompile_headers(enid_${name} PRIVATE ${LAYER_PRECOMPILE})
  endif()
  if(ENID_TESTS AND tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE enid_${name} GTest::gmock GTest::gtest_main)
    if(ENID_PRECOMPILE)
      target_precompile_headers(${name}_test PRIVATE <gmock/gmock.h> <gtest/gtest.h> ${LAYER_PRECOMPILE}
        ${LAYER_PRECOMPILE_TESTS})
    endif()
    gtest_discover_tests(${name}_test DISCOVERY_TIMEOUT 60 TEST_FILTER -RealQemu*)
    add_dependencies(unit_tests ${name}_test)
    if(ENID_SANITIZED_TESTS)
      add_test(NAME sanitized.${name} COMMAND ${PROJECT_SOURCE_DIR}/build/asan/src/${folder}/${name}_test --gtest_brief=1)
      set_tests_properties(sanitized.${name} PROPERTIES LABELS sanitized)
    endif()
  endif()
endfunction()
