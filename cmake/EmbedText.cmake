# SPDX-License-Identifier: Apache-2.0
# Turns text files into a C++ source that defines one array of {name, text}; remade whenever one of them changes.
#
#   cgmm_embed_text(OUT_SOURCE NAMESPACE cgmm::store ARRAY kMigrations HEADER store/migrations.hpp FILES a.sql b.sql)
#
# HEADER must declare `extern const std::span<const core::EmbeddedText> ARRAY;` in NAMESPACE.
function(cgmm_embed_text out_variable)
  cmake_parse_arguments(E "" "NAMESPACE;ARRAY;HEADER" "FILES" ${ARGN})
  set(output ${CMAKE_CURRENT_BINARY_DIR}/embedded_${E_ARRAY}.cpp)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} "-DFILES=${E_FILES}" -DOUTPUT=${output} -DNAMESPACE=${E_NAMESPACE} -DARRAY=${E_ARRAY}
            -DHEADER=${E_HEADER} -P ${CMAKE_SOURCE_DIR}/cmake/embed_text_script.cmake
    DEPENDS ${E_FILES} ${CMAKE_SOURCE_DIR}/cmake/embed_text_script.cmake
    VERBATIM)
  set(${out_variable} ${output} PARENT_SCOPE)
endfunction()
