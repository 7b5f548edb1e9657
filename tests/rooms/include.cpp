// SPDX-License-Identifier: Apache-2.0
#include CGMM_HEADER  // which one, and from which room, is in CMakeLists.txt beside this file
