# SPDX-License-Identifier: Apache-2.0
# `cmake --install`: the two programs and the short name of the first, the extension for SQLite, the unit, the man page, completions, and the configuration if there is none.
# The Debian package is made from the same rules; there, dpkg decides what happens to an existing configuration.
# DESTDIR and `--prefix` work as usual. Only the configuration ignores the prefix, because the program looks for it in one place.

set(CGMM_CONFIG_DIR /etc/cgroup-memory-manager)
set(CGMM_ZSH_COMPLETIONS_DIR share/zsh/site-functions CACHE STRING "Where zsh looks for completions")

install(TARGETS cgroup-memory-manager cgroup-memory-manager-fleet RUNTIME)
if(TARGET cgmm_archive_extension)  # for other programs that use SQLite
  install(TARGETS cgmm_archive_extension LIBRARY DESTINATION lib/cgroup-memory-manager)
endif()
file(CREATE_LINK cgroup-memory-manager ${CMAKE_BINARY_DIR}/cgmm SYMBOLIC)
install(FILES ${CMAKE_BINARY_DIR}/cgmm TYPE BIN)

install(FILES ${CMAKE_SOURCE_DIR}/packaging/cgroup-memory-manager.8 ${CMAKE_SOURCE_DIR}/packaging/cgmm.8
        ${CMAKE_SOURCE_DIR}/packaging/cgroup-memory-manager-fleet.8
        DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
set(completions ${CMAKE_SOURCE_DIR}/packaging/completions)
foreach(name cgroup-memory-manager cgmm)  # bash and fish look for a file with the command's name
  install(FILES ${completions}/cgmm.bash DESTINATION share/bash-completion/completions RENAME ${name})
  install(FILES ${completions}/cgmm.fish DESTINATION share/fish/vendor_completions.d RENAME ${name}.fish)
endforeach()
install(FILES ${completions}/_cgmm DESTINATION ${CGMM_ZSH_COMPLETIONS_DIR})
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE TYPE DOC)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/reports TYPE DOC FILES_MATCHING PATTERN *.sql)  # as examples for reports of your own
install(FILES ${CMAKE_SOURCE_DIR}/docs/queries.md TYPE DOC)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/schema TYPE DOC FILES_MATCHING PATTERN *.sql)  # it explains every column
install(FILES ${CMAKE_SOURCE_DIR}/docs/archive.md ${CMAKE_SOURCE_DIR}/docs/fleet.md ${CMAKE_SOURCE_DIR}/docs/live.md ${CMAKE_SOURCE_DIR}/docs/metrics.md
  ${CMAKE_SOURCE_DIR}/docs/serve.md TYPE DOC)
# The questions to all nodes, the tables that they ask, dashboards and alerts.
install(DIRECTORY ${CMAKE_SOURCE_DIR}/fleet TYPE DOC FILES_MATCHING PATTERN *.sql PATTERN ship EXCLUDE)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/packaging/grafana TYPE DOC FILES_MATCHING PATTERN *.json)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/packaging/prometheus TYPE DOC FILES_MATCHING PATTERN *.yml)

install(CODE "
  set(source_dir \"${CMAKE_SOURCE_DIR}\")
  set(bin_dir \"${CMAKE_INSTALL_BINDIR}\")
  set(config_dir \"${CGMM_CONFIG_DIR}\")")
install(CODE [[
  # The units name the program's path at install time, because --prefix can be given there.
  cmake_path(ABSOLUTE_PATH bin_dir BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}" NORMALIZE)
  foreach(name cgroup-memory-manager cgroup-memory-manager-serve cgroup-memory-manager-ship)
    file(READ "${source_dir}/packaging/${name}.service" unit)
    string(REPLACE "=/usr/bin/" "=${bin_dir}/" unit "${unit}")
    set(unit_file "${CMAKE_INSTALL_PREFIX}/lib/systemd/system/${name}.service")
    message(STATUS "Installing: $ENV{DESTDIR}${unit_file}")
    file(WRITE "$ENV{DESTDIR}${unit_file}" "${unit}")
    list(APPEND CMAKE_INSTALL_MANIFEST_FILES "${unit_file}")
  endforeach()

  # Never overwrites a configuration: if it differs, ours is installed beside it.
  set(shipped "${source_dir}/config.toml")
  set(installed "$ENV{DESTDIR}${config_dir}/config.toml")
  if(NOT EXISTS "${installed}")
    file(INSTALL "${shipped}" DESTINATION "${config_dir}")
  else()
    file(SHA256 "${shipped}" shipped_hash)
    file(SHA256 "${installed}" installed_hash)
    if(NOT shipped_hash STREQUAL installed_hash)
      file(INSTALL "${shipped}" DESTINATION "${config_dir}" RENAME config.toml.new)
      message(STATUS "Kept ${installed}; the one of this version is config.toml.new")
    endif()
  endif()]])
