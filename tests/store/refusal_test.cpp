// SPDX-License-Identifier: Apache-2.0
#include "store/refusal.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace cgmm::store {
namespace {

using Lasts = StoreError::Lasts;

TEST(Refusal, ADiskThatIsFullTornOrGoneIsNoReasonNotToBegin) {
  for (const int code :
       {ENOSPC,    EDQUOT,    EROFS,        EIO,          EMFILE,    ENFILE,       ENOMEM, EUCLEAN, EBADMSG,
        ETIMEDOUT, ENOTCONN,  ECONNABORTED, ECONNREFUSED, EHOSTDOWN, EHOSTUNREACH, ENXIO,  ENODEV,  ENOMEDIUM,
        ESTALE,    EREMOTEIO, ENOLCK,       ENOLINK,      ESHUTDOWN, EAGAIN,       EINTR,  EBUSY}) {
    EXPECT_EQ(unusable("/a/history.db", "it can't be written", code).lasts(), Lasts::for_now)
        << std::generic_category().message(code);
  }
}

TEST(Refusal, WhatTheOperatorHasToPutRightLasts) {
  for (const int code : {EACCES, EPERM, ENOENT, EEXIST, ENOTDIR, EISDIR, ELOOP, ENAMETOOLONG, EILSEQ, EINVAL}) {
    EXPECT_EQ(unusable("/a/history.db", "it can't be written", code).lasts(), Lasts::for_good)
        << std::generic_category().message(code);
  }
}

}  // namespace
}  // namespace cgmm::store
